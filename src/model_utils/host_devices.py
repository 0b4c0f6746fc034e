"""Facts about this host: the addresses of its Ascend devices, its own address, which devices are meant."""

import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from src.common.errors import UserError
from src.common.options import OptionError

HCCN_CONF = Path("/etc/hccn.conf")
_NUMBER = "[0-9]{1,4}"  # of a device; without a limit, a range may take all memory
_RANGE = re.compile(rf"\[\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)")


def read_device_ips(path: Path) -> dict[int, str]:
    """Device number -> address, in the order of the numbers, from the driver's `hccn.conf`.

    Raises:
        UserError: it cannot be read, names no address, or one that is none.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    addresses: dict[int, str] = {}
    for line in text.splitlines():
        found = re.fullmatch(rf"\s*address_({_NUMBER})\s*=\s*(\S+)\s*", line)
        if not found:  # netmasks, gateways, ...
            continue
        device, address = int(found[1]), found[2]
        if addresses.setdefault(device, _checked(address, f"{path}: address_{device}")) != address:
            raise UserError(f"{path}: address_{device} is there twice, as {addresses[device]} and {address}")
    if not addresses:
        raise UserError(f"{path}: holds no line address_<device>=<address>")
    return dict(sorted(addresses.items()))


def parse_device_ips(text: str) -> dict[int, str]:
    """`0=192.168.100.101,1=192.168.100.102` as device number -> address.

    Raises:
        UserError: not of this form, or an address that is none.
    """
    addresses: dict[int, str] = {}
    for item in text.split(","):
        device, equals, address = item.strip().partition("=")
        if not equals or not re.fullmatch(_NUMBER, device):
            raise OptionError(f"--device_ip: '{item.strip()}' is not DEVICE=ADDRESS, for example 0=192.168.100.101")
        if int(device) in addresses:
            raise OptionError(f"--device_ip: device {int(device)} is there twice")
        addresses[int(device)] = _checked(address, f"--device_ip: device {int(device)}")
    return dict(sorted(addresses.items()))


def parse_devices(text: str) -> list[int]:
    """`[0,8)` (0 to 7), `8` (the first eight) or `0,2,5` as device numbers.

    Raises:
        UserError: none of these forms, no device, or one twice.
    """
    text = text.strip()
    found = _RANGE.fullmatch(text)
    if found:
        devices = list(range(int(found[1]), int(found[2])))
    elif re.fullmatch(_NUMBER, text):
        devices = list(range(int(text)))
    else:
        return parse_list("--device_num", text)
    if not devices:
        raise OptionError(f"--device_num: '{text}' names no device")
    return devices


def parse_list(option: str, text: str) -> list[int]:
    """`0,2,5` as device numbers.

    Raises:
        UserError: not of this form, or a device twice.
    """
    if not re.fullmatch(rf"\s*{_NUMBER}\s*(,\s*{_NUMBER}\s*)*", text):
        raise OptionError(f"{option}: '{text}' is not a list of devices like 0,2,5")
    devices = [int(part) for part in text.split(",")]
    if len(set(devices)) != len(devices):
        raise OptionError(f"{option}: '{text}' names a device twice")
    return devices


def choose_devices(
    addresses: Mapping[int, str], wanted: Sequence[int] | None, visible: Sequence[int] | None
) -> dict[int, str]:
    """The devices for the table, in ascending order.

    Args:
        addresses: of all devices of this host.
        wanted: numbers of devices; with `visible`, places in that list. None takes all.
        visible: the devices that this process may use (in a container). None = all.

    Raises:
        UserError: a device that has no address, or a place beyond the visible devices.
    """
    usable = list(addresses) if visible is None else list(visible)
    if wanted is None:
        chosen = usable
    elif visible is None:
        chosen = list(wanted)
    else:
        beyond = [place for place in wanted if place >= len(usable)]
        if beyond:
            raise OptionError(f"--device_num: place {beyond[0]} is beyond the {len(usable)} --visible_devices")
        chosen = [usable[place] for place in wanted]
    missing = [device for device in chosen if device not in addresses]
    if missing:
        known = ", ".join(map(str, addresses))
        raise OptionError(f"device {missing[0]} has no address; known are those of {known}; add it with --device_ip")
    return {device: addresses[device] for device in sorted(chosen)}


def own_address() -> str:
    """The address that this host has in the network it is reached by.

    Raises:
        UserError: it has none but that of itself to itself.
    """
    for family, somewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((somewhere, 9))  # chooses the interface; nothing is sent
                address = probe.getsockname()[0]
        except OSError:
            continue
        if not ipaddress.ip_address(address).is_loopback:
            return address
    raise UserError("this host's address is not known; give it with --server_ip")


def is_own_address(address: str) -> bool:
    """Whether `address` belongs to this host."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _checked(address: str, place: str) -> str:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        kind = OptionError if place.startswith("--") else UserError
        raise kind(f"{place}: '{address}' is not an IP address") from None
    return address
