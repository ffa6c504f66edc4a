"""A kernel that runs one notebook after the other, each with nothing of the one before.

A fresh kernel imports for seconds what the last one had; that, and the samples that a store was read into, stays here.
"""

from __future__ import annotations

from typing import Any

# Names, history and the count of cells of the notebook before; what is imported stays.
_FORGET = "get_ipython().reset(new_session=True)"


class SharedKernel:
    """One kernel process for the notebooks of a suite; a dead one is replaced."""

    def __init__(self) -> None:
        self._manager: Any = None

    def manager(self, kernel_name: str) -> Any:
        """What starts the kernel where it does not run yet."""
        from jupyter_client.manager import AsyncKernelManager

        kernel = self._manager
        if kernel is not None and not (kernel.kernel_name == kernel_name and _wait(kernel.is_alive)):
            self.close()
        if self._manager is None:
            self._manager = AsyncKernelManager(kernel_name=kernel_name)
        return self._manager

    def forget(self, client: Any) -> None:
        """A notebook is done: its names go, and the connection to its client."""
        if client.kc is None:
            return
        try:
            if self._manager is not None and _wait(self._manager.is_alive):
                client.wait_for_reply(client.kc.execute(_FORGET, silent=True, store_history=False))
        finally:
            client.kc.stop_channels()

    def close(self) -> None:
        """End the kernel process."""
        if self._manager is not None and self._manager.has_kernel:
            _wait(self._manager.shutdown_kernel, now=True)
        self._manager = None


def _wait(call: Any, **options: Any) -> Any:
    from jupyter_core.utils import run_sync

    return run_sync(call)(**options)
