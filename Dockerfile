# Measures images without training.
#   docker build -t fetal-head-biometry .
#   docker run --rm -v "$PWD/scans:/data:ro" -v "$PWD/results:/app/results" fetal-head-biometry \
#       measure --cores all --config images=/data pixel_sizes=0.12
# All of the workflow, training too: docker build --build-arg REQUIREMENTS=requirements.txt -t fetal-head-biometry .
FROM python:3.11-slim-bookworm
ARG REQUIREMENTS=requirements-measure.txt
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /app
COPY requirements.txt requirements-measure.txt ./
RUN if grep -q '^torch==' "$REQUIREMENTS"; then \
        pip install --no-deps --index-url "$TORCH_INDEX" "$(grep '^torch==' "$REQUIREMENTS")"; \
    fi && pip install -r "$REQUIREMENTS"
COPY Snakefile config.yaml limits.yaml bench.yaml ./
COPY datasets datasets
COPY envs envs
COPY profiles profiles
COPY recipes recipes
COPY resources resources
COPY workflow workflow
ENTRYPOINT ["snakemake"]
CMD ["--help"]
