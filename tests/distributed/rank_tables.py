"""Rank tables for tests, in the format of HCCL's documentation."""

import copy


def device(device_id, rank_id, device_ip=None):
    ip = f"192.168.{rank_id // 100}.{rank_id % 100 + 1}" if device_ip is None else device_ip
    return {"device_id": str(device_id), "device_ip": ip, "rank_id": str(rank_id)}


def table(*servers):
    """A table of (server id, numbers of its devices), with ranks in that order."""
    entries, rank = [], 0
    for server_id, numbers in servers:
        devices = []
        for number in numbers:
            devices.append(device(number, rank))
            rank += 1
        entries.append({"server_id": server_id, "device": devices, "host_nic_ip": "reserve"})
    return {"version": "1.0", "server_count": str(len(entries)), "server_list": entries, "status": "completed"}


EIGHT = table(("10.155.170.71", range(8)))
TWO_HOSTS = table(("10.155.170.71", (0, 1)), ("10.155.170.72", (4, 5)))


def changed(content, path, value):
    """A copy with the value at `path` (keys and places) replaced, or taken away where `value` is None."""
    result = copy.deepcopy(content)
    *way, last = path
    place = result
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return result
