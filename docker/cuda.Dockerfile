# hyperiqa on an NVIDIA GPU. Not built or run so far: linted with hadolint.
#
#   docker build --file docker/cuda.Dockerfile --tag hyperiqa:cuda docker
#   docker run --rm --gpus all --volume "$PWD/photos:/photos:ro" hyperiqa:cuda score /photos --device cuda
#
# The driver comes from the host through the NVIDIA container toolkit (CUDA 13 needs driver 580 or newer); the CUDA
# libraries come with LibTorch, so the image needs no CUDA of its own.
FROM node:22-bookworm-slim AS runtime

ARG HYPERIQA_VERSION=0.1.0
ENV NODE_ENV=production \
    HYPERIQA_CACHE=/opt/hyperiqa/cache
# pip is how the runtime manager gets LibTorch for CUDA (several gigabytes); it does not get into the final image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3-pip \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/hyperiqa
RUN npm install --no-audit --no-fund "hyperiqa@${HYPERIQA_VERSION}" "@hyperiqa/evaluation@${HYPERIQA_VERSION}" \
        "@hyperiqa/queue@${HYPERIQA_VERSION}" "@aws-sdk/client-s3@3" \
        "@hyperiqa/results@${HYPERIQA_VERSION}" \
    && npx hyperiqa runtime install cuda \
    && npx hyperiqa runtime use cuda

FROM node:22-bookworm-slim
ENV NODE_ENV=production \
    HYPERIQA_CACHE=/opt/hyperiqa/cache \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=runtime --chown=node:node /opt/hyperiqa /opt/hyperiqa
RUN ln -s /opt/hyperiqa/node_modules/.bin/hyperiqa /usr/local/bin/hyperiqa
# The image's user "node".
USER 1000:1000
WORKDIR /photos
ENTRYPOINT ["hyperiqa"]
CMD ["--help"]
