"""How gunicorn serves the site: a few processes with a few threads each, loaded once before they fork."""

from django.conf import settings

bind = f"{settings.WEB_ADDRESS}:{settings.WEB_PORT}"
workers = settings.WEB_WORKERS
threads = settings.WEB_THREADS
worker_class = "gthread"
preload_app = True
timeout = 60
graceful_timeout = 4  # seconds; the supervisor waits little longer
keepalive = 5
accesslog = "-"
access_log_format = '%(h)s "%(r)s" %(s)s %(B)s bytes %(M)s ms'
control_socket_disable = True
worker_tmp_dir = None
# Which headers of a proxy to believe is Django's to decide, by PATCHBAY_BEHIND_PROXY. Gunicorn would believe anybody on
# this machine about the scheme, and answer 500 to a stranger's SCRIPT_NAME.
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
