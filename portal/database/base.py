"""The connection that starts the embedded server when it finds none."""

from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql import base
from psycopg2 import OperationalError

from portal.services.errors import ServiceTrouble

if TYPE_CHECKING:
    from portal.services.postgres import Postgres


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to the `SERVER` (a `Postgres`) that the connection's settings hold."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except OperationalError:
            server: Postgres = self.settings_dict["SERVER"]
            if server.answers():  # so that the fault is another one, and not for us to mend
                raise
            try:
                server.ensure()
            except ServiceTrouble as trouble:
                raise OperationalError(str(trouble)) from trouble
            return super().get_new_connection(conn_params)
