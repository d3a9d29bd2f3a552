"""What the Service Bus SDK raises, as the queue port's errors."""

from collections.abc import Generator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
)

from kopitra.application.ports.queue import MessageLockLost, MessageTooLarge, QueueUnavailable


class QueueRefused(QueueUnavailable):
    """The service answers that it has no such queue, or that we may not use it: waiting will not help."""

    code = "queue_refused"


@contextmanager
def reported() -> Generator[None]:
    """A ValueError is how the SDK says that a handler was closed under it; the other ones are caught before."""
    try:
        yield
    except (MessageLockLostError, MessageNotFoundError, MessageAlreadySettled) as error:
        raise MessageLockLost(_first_line(error)) from error
    except MessageSizeExceededError as error:
        raise MessageTooLarge(_first_line(error)) from error
    except (
        ClientAuthenticationError,
        MessagingEntityNotFoundError,
        ServiceBusAuthenticationError,
        ServiceBusAuthorizationError,
    ) as error:
        raise QueueRefused(_first_line(error)) from error
    except (AzureError, OSError, ValueError) as error:
        raise QueueUnavailable(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
