# hyperiqa serve on the CPU. Not built so far.
#
#   docker build --file docker/service.Dockerfile --tag hyperiqa-service docker
#   docker run --rm --publish 127.0.0.1:8080:8080 hyperiqa-service
#
# Debian, because the prebuilt files need glibc 2.34 and the C++ library of GCC 12 (so not Alpine).
FROM node:22-bookworm-slim

ARG HYPERIQA_VERSION=0.1.0
ENV NODE_ENV=production \
    HYPERIQA_CACHE=/var/cache/hyperiqa

WORKDIR /opt/hyperiqa
RUN npm install --no-audit --no-fund "hyperiqa@${HYPERIQA_VERSION}" "@hyperiqa/service@${HYPERIQA_VERSION}" \
    && npm cache clean --force \
    && ln -s /opt/hyperiqa/node_modules/.bin/hyperiqa /usr/local/bin/hyperiqa \
    && install --directory --owner=node --group=node "${HYPERIQA_CACHE}"

# What a model was measured to run best with on this processor; a volume keeps it from one container to the next.
VOLUME /var/cache/hyperiqa
# The image's user "node".
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node.js as process 1 gets the signals itself.
ENTRYPOINT ["hyperiqa", "serve", "--host", "0.0.0.0"]
