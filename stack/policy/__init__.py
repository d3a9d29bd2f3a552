"""The policy pack: rules over what is about to be deployed, each a pure function in a module by its topic."""
