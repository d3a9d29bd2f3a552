"""What has to exist before the first `pulumi up`: where the state lies, and the key that its secrets are under."""
