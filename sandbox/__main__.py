"""``python -m sandbox --stripe-port N --stigg-port N --world NAME_OR_FILE``: serve both, on loopback by default."""

from __future__ import annotations

import argparse
import asyncio
import sys

from sandbox.server.run import listener, serve
from sandbox.world.state import BadWorld, find, load


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--stripe-port", type=int, default=12111)
    parser.add_argument("--stigg-port", type=int, default=12112)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; change it only inside a container")
    parser.add_argument("--world", default="demo", help="a bundled world's name, or a world file")
    arguments = parser.parse_args()
    try:
        world = load(find(arguments.world))
        sockets = tuple(listener(port, arguments.host) for port in (arguments.stripe_port, arguments.stigg_port))
    except (BadWorld, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    stripe_port, stigg_port = (s.getsockname()[1] for s in sockets)
    print(f"Stripe http://127.0.0.1:{stripe_port}  Stigg http://127.0.0.1:{stigg_port}/graphql", flush=True)
    asyncio.run(serve(world, *sockets))
    return 0


if __name__ == "__main__":
    sys.exit(main())
