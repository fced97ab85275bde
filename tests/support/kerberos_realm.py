"""A Kerberos realm of its own for tests: MIT's key distribution center on a free port, files in one folder.

with kerberos_realm(folder) as realm:
    keytab = realm.keytab("alice")          # a principal, and the file with its key
    pk(..., env=realm.environment)          # whoever is to know the realm
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support import peers
from tests.support.broker_processes import PkBroker
from tests.support.ports import free_port
from tests.support.server_processes import ServerProcess

REALM = "PK.TEST"
_PACKAGES = "Debian's packages krb5-kdc, krb5-admin-server and krb5-user have it"


class KerberosRealm(ServerProcess):
    """`krb5_conf` says where the center is; `environment` is what programs need to find it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "krb5kdc.log")
        self._folder = folder
        self._center = peers.program("krb5kdc", _PACKAGES)
        self._admin = peers.program("kadmin.local", _PACKAGES)
        self.port = free_port()
        self.krb5_conf = folder / "krb5.conf"
        self.krb5_conf.write_text(
            f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_canonicalize_hostname = false\n"
            f" rdns = false\n udp_preference_limit = 1\n"
            f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{self.port}\n }}\n"
        )
        (folder / "kdc.conf").write_text(
            f"[kdcdefaults]\n kdc_listen = 127.0.0.1:{self.port}\n kdc_tcp_listen = 127.0.0.1:{self.port}\n"
            f"[realms]\n {REALM} = {{\n  database_name = {folder}/principal\n  key_stash_file = {folder}/stash\n"
            f"  acl_file = {folder}/acl\n }}\n"
        )
        self.environment = os.environ | {
            "KRB5_CONFIG": str(self.krb5_conf),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
            "KRB5CCNAME": f"FILE:{folder}/tickets",
        }
        create = peers.program("kdb5_util", _PACKAGES)
        self._run(create, "create", "-s", "-r", REALM, "-P", "the realm's own key")

    def keytab(self, principal: str) -> Path:
        """Make a principal; the file with its key."""
        file = self._folder / f"{principal.replace('/', '-')}.keytab"
        self._run(self._admin, "-r", REALM, "-q", f"addprinc -randkey {principal}")
        self._run(self._admin, "-r", REALM, "-q", f"ktadd -k {file} {principal}")
        return file

    def change_key(self, principal: str) -> None:
        """Give a principal another key, so that its keytab is of no use any more."""
        self._run(self._admin, "-r", REALM, "-q", f"cpw -randkey {principal}")

    def log_in(self, principal: str, keytab: Path) -> None:
        """Get tickets into the file that KRB5CCNAME names."""
        self._run(peers.program("kinit", _PACKAGES), "-k", "-t", str(keytab), principal)

    def command(self) -> Sequence[str]:
        return ["env", *(f"{name}={self.environment[name]}" for name in ("KRB5_CONFIG", "KRB5_KDC_PROFILE")),
                self._center, "-n", "-r", REALM]  # fmt: skip

    def serves(self) -> bool:
        return "starting..." in self.said()

    def _run(self, *words: str) -> None:
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


class KerberosPkBroker(PkBroker):
    """A broker of ours that finds its realm in `krb5_conf`."""

    krb5_conf: Path

    def command(self) -> Sequence[str]:
        return ["env", f"KRB5_CONFIG={self.krb5_conf}", *super().command()]


@contextlib.contextmanager
def kerberos_realm(folder: Path) -> Iterator[KerberosRealm]:
    """A realm that answers until the end of the context."""
    realm = KerberosRealm(folder)
    realm.start()
    try:
        yield realm
    finally:
        realm.stop()
