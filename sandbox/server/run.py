"""Both servers in one process, on loopback, until they are stopped."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from sandbox.server.control import Control
from sandbox.server.stigg_app import StiggApp
from sandbox.server.stripe_app import StripeApp
from sandbox.world.state import World

VERBS = ["GET", "POST", "DELETE", "PUT", "PATCH"]


def listener(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Return a listening socket; port 0 takes a free one."""
    # The protocol is named so that asyncio turns off the delay of small packets, which it does for named TCP alone.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((host, port))
    found.listen(256)
    return found


def servers(world: World) -> tuple[uvicorn.Server, uvicorn.Server]:
    """(Stripe, Stigg), not yet running."""
    control = Control(world).routes()
    stripe = Starlette(routes=[*control, Route("/{path:path}", StripeApp(world).handle, methods=VERBS)])
    stigg = Starlette(routes=[*control, Route("/graphql", StiggApp(world).handle, methods=["POST"])])
    stripe_server, stigg_server = (
        uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", timeout_keep_alive=60))
        for app in (stripe, stigg)
    )
    return stripe_server, stigg_server


async def serve(world: World, stripe_socket: socket.socket, stigg_socket: socket.socket) -> None:
    stripe, stigg = servers(world)
    await asyncio.gather(stripe.serve(sockets=[stripe_socket]), stigg.serve(sockets=[stigg_socket]))


@contextmanager
def running(world: World) -> Iterator[tuple[str, str]]:
    """Serve a world from a thread; yields (Stripe's URL, Stigg's URL)."""
    sockets = (listener(0), listener(0))
    pair = servers(world)

    async def both() -> None:
        await asyncio.gather(*(s.serve(sockets=[sock]) for s, sock in zip(pair, sockets, strict=True)))

    thread = threading.Thread(target=lambda: asyncio.run(both()), daemon=True)
    thread.start()
    try:
        stripe_port, stigg_port = (s.getsockname()[1] for s in sockets)
        yield f"http://127.0.0.1:{stripe_port}", f"http://127.0.0.1:{stigg_port}"
    finally:
        for server in pair:
            server.should_exit = True
        thread.join(timeout=10)
        for sock in sockets:
            sock.close()
