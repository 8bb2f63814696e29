# One image for all services: `tuvi serve <service>`; the migration Job runs `tuvi migrate`.
FROM python:3.11-slim AS build
COPY requirements.production.lock /build/
RUN python -m venv /opt/tuvi && /opt/tuvi/bin/pip install --no-cache-dir --require-hashes \
    -r /build/requirements.production.lock
COPY pyproject.toml README.md LICENSE /build/
COPY services /build/services
COPY shared /build/shared
COPY deploy/__init__.py /build/deploy/__init__.py
COPY tuvi /build/tuvi
COPY starter /build/starter
RUN /opt/tuvi/bin/pip install --no-cache-dir --no-deps --no-build-isolation /build

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin tuvi
COPY --from=build /opt/tuvi /opt/tuvi
ENV PATH=/opt/tuvi/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TUVI_HOST=0.0.0.0
USER 10001:10001
ENTRYPOINT ["tuvi"]
CMD ["--help"]
