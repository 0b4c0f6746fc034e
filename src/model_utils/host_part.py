"""What one of the hosts of a rank table starts."""

from collections.abc import Callable
from dataclasses import dataclass

from src.model_utils.rank_table import RankTable, RankTableError


@dataclass(frozen=True)
class HostPart:
    """What one host starts: `local_size` of `rank_size` processes, on the devices `device_ids`.

    `node_rank` is the place of the host among the servers; `master_address` is where rank 0 runs.
    """

    rank_size: int
    local_size: int
    node_rank: int
    master_address: str
    device_ids: tuple[int, ...]


def host_part(table: RankTable, is_here: Callable[[str], bool], server: str = "") -> HostPart:
    """The part of this host.

    Args:
        is_here: whether an address belongs to this host.
        server: id or address of this host's server, where its address does not identify it.

    Raises:
        RankTableError: this host is not in the table, or several of its servers are this host.
    """
    names = ", ".join(item.server_id for item in table.servers)
    if server:
        mine = [item for item in table.servers if server in (item.server_id, item.address)]
        if not mine:
            raise RankTableError(f"server '{server}' is not in the rank table, which has {names}")
    elif len(table.servers) == 1:
        mine = list(table.servers)
    else:
        mine = [item for item in table.servers if item.address and is_here(item.address)]
        if len(mine) != 1:
            found = "none of" if not mine else "more than one of"
            raise RankTableError(f"{found} the servers {names} is this host; choose one with --server_ip")
    node_rank = table.servers.index(mine[0])
    # One host talks to itself: its address in the table may be one that this machine knows nothing of (a container).
    master = table.servers[0].address if len(table.servers) > 1 else "127.0.0.1"
    return HostPart(
        rank_size=table.rank_size,
        local_size=len(mine[0].devices),
        node_rank=node_rank,
        master_address=str(master),
        device_ids=tuple(device.device_id for device in mine[0].devices),
    )
