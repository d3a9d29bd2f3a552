# One line per target over scripts/dev.py, which also works without make: python3 scripts/dev.py help
# Variables pass through: make demo STATEMENT=file CHAOS=1 · arguments too: make test ARGS="--only core -x"
PYTHON ?= python3
.DEFAULT_GOAL := help
.PHONY: demo test check bench simulate cost bootstrap operators-app token-keys audit fmt setup lock help

demo test check bench simulate cost bootstrap operators-app token-keys audit fmt setup lock help:
	@$(PYTHON) scripts/dev.py $@ $(ARGS)
