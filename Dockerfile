# The site in a container: one image for web, worker and beat. The database and the broker are named by the environment.

FROM python:3.11-slim-bookworm AS build
RUN python -m venv /opt/patchbay
COPY requirements.txt /tmp/
RUN /opt/patchbay/bin/pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt

FROM python:3.11-slim-bookworm
# git receives and fits, bubblewrap builds, diffoscope tells two builds apart; the compilers are what recipes build with.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap build-essential diffoscope-minimal git openssh-client python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/patchbay --create-home patchbay \
    && install --directory --owner patchbay --mode 0700 /var/lib/patchbay-keys
COPY --from=build /opt/patchbay /opt/patchbay
WORKDIR /srv/patchbay
COPY . .
ENV PATH=/opt/patchbay/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PATCHBAY_VAR=/var/lib/patchbay \
    PATCHBAY_STATIC=/srv/patchbay/staticfiles \
    BIND=0.0.0.0
# The key of this one command is thrown away; the running site makes or is given its own.
RUN PATCHBAY_VAR=/tmp/building DATABASE_URL=postgresql://none@127.0.0.1:1/none CELERY_BROKER_URL=memory:// \
        python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf /tmp/building
USER patchbay
VOLUME /var/lib/patchbay
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8000/healthz', timeout=4)"]
CMD ["gunicorn", "--config", "python:portal.gunicorn", "portal.wsgi"]
