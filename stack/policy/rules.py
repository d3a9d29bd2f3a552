"""Every rule of the pack."""

from stack.policy import app_secrets, deletion, exposure, placing, ranges, tagging

RULES = (
    *exposure.RULES,
    *tagging.RULES,
    *placing.RULES,
    *app_secrets.RULES,
    *ranges.RULES,
    *deletion.RULES,
)
STACK_RULES = deletion.STACK_RULES
