# One image; the command chooses the role.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements/bootstrap.txt requirements/runtime.txt requirements/
RUN python -m venv /opt/coldchain \
    && /opt/coldchain/bin/pip install --no-cache-dir --require-hashes -r requirements/bootstrap.txt \
    && /opt/coldchain/bin/uv pip install --no-cache --compile-bytecode --python /opt/coldchain/bin/python --require-hashes -r requirements/runtime.txt
COPY . .
RUN /opt/coldchain/bin/uv pip install --no-cache --compile-bytecode --python /opt/coldchain/bin/python --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/coldchain coldchain \
    && install -d -o coldchain -g coldchain /var/lib/coldchain
COPY --from=build /opt/coldchain /opt/coldchain
ENV PATH=/opt/coldchain/bin:$PATH COLDCHAIN_DATA=/var/lib/coldchain PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /var/lib/coldchain
ENTRYPOINT ["coldchain"]
CMD ["up"]
