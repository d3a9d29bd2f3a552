from pulumi_policy import PolicyPack

from stack.policy.pack import NAME, policies

PolicyPack(name=NAME, policies=policies())
