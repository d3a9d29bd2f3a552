"""The parts of an environment, each a component of Pulumi's."""
