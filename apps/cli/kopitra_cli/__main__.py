"""`python -m kopitra_cli`, also installed as `kopitra`."""

from kopitra_cli.commands import app

if __name__ == "__main__":
    app(prog_name="kopitra")
