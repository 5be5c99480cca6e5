"""The wrapper that Django looks for under this name."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import Error
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """Tries a connection of the pool before it is used; where one is dead, the whole pool is gone through.

    The pool's own check meets the dead ones one by one with pauses of 1, 2, 4 seconds, so that after a restart of the
    server pages would wait ten seconds and then fail.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        if not self.pool:
            return connection
        try:
            ConnectionPool.check_connection(connection)
        except Error:
            self.pool.putconn(connection)
            self.pool.check()
            connection = super().get_new_connection(conn_params)
        return connection
