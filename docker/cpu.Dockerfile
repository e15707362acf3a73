# hyperiqa on the CPU. Not built so far, only linted with hadolint.
#
#   docker build --file docker/cpu.Dockerfile --tag hyperiqa docker
#   docker run --rm --volume "$PWD/photos:/photos:ro" hyperiqa score /photos
#
# Debian, because the prebuilt files need glibc 2.34 and the C++ library of GCC 12 (so not Alpine).
FROM node:22-bookworm-slim

ARG HYPERIQA_VERSION=0.1.0
ENV NODE_ENV=production \
    HYPERIQA_CACHE=/var/cache/hyperiqa

WORKDIR /opt/hyperiqa
RUN npm install --no-audit --no-fund "hyperiqa@${HYPERIQA_VERSION}" "@hyperiqa/evaluation@${HYPERIQA_VERSION}" \
        "@hyperiqa/queue@${HYPERIQA_VERSION}" "@aws-sdk/client-s3@3" \
        "@hyperiqa/results@${HYPERIQA_VERSION}" \
    && npm cache clean --force \
    && ln -s /opt/hyperiqa/node_modules/.bin/hyperiqa /usr/local/bin/hyperiqa \
    && install --directory --owner=node --group=node "${HYPERIQA_CACHE}"

# What a model was measured to run best with on this processor; a volume keeps it from one container to the next.
VOLUME /var/cache/hyperiqa
# The image's user "node".
USER 1000:1000
WORKDIR /photos
ENTRYPOINT ["hyperiqa"]
CMD ["--help"]
