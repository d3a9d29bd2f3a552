"""The Pulumi program: frozen settings, components made from them, outputs."""
