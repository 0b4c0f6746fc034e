"""Write the rank table of this host for training on several Ascend devices, or check one.

  python scripts/hccl_tools.py                                all devices of /etc/hccn.conf
  python scripts/hccl_tools.py --device_num "[0,8)"           devices 0 to 7
  python scripts/hccl_tools.py --device_ip 0=192.168.100.101,1=192.168.100.102 --server_ip 10.155.170.71
  python scripts/hccl_tools.py --check hccl_8p_01234567_10.155.170.71.json

The table is written to hccl_<devices>p_<their numbers>_<address of this host>.json in the current folder.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.atomic_file import write_atomically
from src.common.options import OptionError
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser
from src.model_utils.host_devices import (
    HCCN_CONF,
    choose_devices,
    is_own_address,
    own_address,
    parse_device_ips,
    parse_devices,
    parse_list,
    read_device_ips,
)
from src.model_utils.host_part import host_part
from src.model_utils.rank_table import RankTableError, make_rank_table, read_rank_table


def main() -> None:
    arguments = _arguments()
    if arguments.check:
        print(describe_table(Path(arguments.check)))
    elif arguments.host_part:
        print(launcher_lines(Path(arguments.host_part), arguments.server_ip))
    else:
        print(write_table(arguments))


def describe_table(path: Path) -> str:
    """One line about a table that can be used."""
    table = read_rank_table(path)
    parts = [
        f"{server.server_id} devices {','.join(str(d.device_id) for d in server.devices)}" for server in table.servers
    ]
    return f"{path}: {table.rank_size} ranks on {len(parts)} server{'s' * (len(parts) > 1)}: {'; '.join(parts)}"


def launcher_lines(path: Path, server: str) -> str:
    """What the scripts need to start this host's part of a table, a `name=value` a line."""
    part = host_part(read_rank_table(path), is_own_address, server)
    values = {
        "rank_size": part.rank_size,
        "local_size": part.local_size,
        "node_rank": part.node_rank,
        "master_address": part.master_address,
        "device_ids": ",".join(map(str, part.device_ids)),
    }
    return "\n".join(f"{name}={value}" for name, value in values.items())


def write_table(arguments: argparse.Namespace) -> str:
    """Write the table; returns where, and where the addresses in it come from."""
    source = Path(arguments.hccn_conf)
    addresses, origins = {}, []
    if source.exists():
        addresses, origins = read_device_ips(source), [str(source)]
    if arguments.device_ip:
        addresses.update(parse_device_ips(arguments.device_ip))
        origins.append("--device_ip")
    if not addresses:
        raise OptionError(
            f"{source} is not there; give the addresses of the devices (hccn_tool -i DEVICE -ip -g prints one) "
            "with --device_ip 0=ADDRESS,1=ADDRESS,..."
        )
    wanted = parse_devices(arguments.device_num) if arguments.device_num else None
    visible = parse_list("--visible_devices", arguments.visible_devices) if arguments.visible_devices else None
    devices = choose_devices(addresses, wanted, visible)
    address = arguments.server_ip or own_address()
    try:
        table = make_rank_table(address, devices)
    except RankTableError as error:
        raise OptionError(str(error)) from None
    numbers = "".join(map(str, devices))
    path = Path(arguments.output or f"hccl_{len(devices)}p_{numbers}_{address.replace(':', '-')}.json")
    write_atomically(path, [(json.dumps(table, indent=4) + "\n").encode()])
    chosen = "" if arguments.server_ip else " (found; --server_ip gives another)"
    described = f"{', '.join(map(str, devices))} with the addresses of {' and '.join(origins)}"
    return f"{path}: host {address}{chosen}, devices {described}"


def _arguments() -> argparse.Namespace:
    parser = CommandParser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--device_num", default="", help="devices: [0,8) or 8 or 0,2,5; default: all that have an address"
    )
    parser.add_argument(
        "--visible_devices", default="", help="devices of this container; --device_num counts in this list"
    )
    parser.add_argument("--server_ip", default="", help="address of this host; default: the one it is reached by")
    parser.add_argument("--device_ip", default="", help="addresses of the devices, DEVICE=ADDRESS,...")
    parser.add_argument(
        "--hccn_conf", default=str(HCCN_CONF), help=f"file of the driver with them; default {HCCN_CONF}"
    )
    parser.add_argument("--output", default="", help="file to write")
    parser.add_argument("--check", default="", metavar="FILE", help="check this table and write nothing")
    parser.add_argument("--host_part", default="", metavar="FILE", help="what this host starts of this table")
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
