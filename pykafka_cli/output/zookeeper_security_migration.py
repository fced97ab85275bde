"""zookeeper-security-migration.sh: what it prints about the login and about missing znodes."""

from collections.abc import Sequence


def print_no_security(file: str) -> None:
    """file    of the JAAS configuration, which has no login for ZooKeeper"""
    print(f"ERROR: Security isn't enabled, most likely the file isn't set properly: {file}")


def print_missing(paths: Sequence[str]) -> None:
    print(f"Warning: The following secure root paths do not exist in ZooKeeper: {','.join(paths)}")
    print("That might be due to an incorrect chroot is specified when executing the command.")
