# The server, `gaze serve`: docker build -t gaze . && docker run --rm -p 127.0.0.1:8600:8600 gaze
FROM python:3.11-slim

WORKDIR /gaze
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt --editable '.[serve]' \
    && useradd --system --uid 10001 --home-dir /gaze gaze

USER 10001
EXPOSE 8600
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "app.cli.health"]
ENTRYPOINT ["gaze", "serve", "--host", "0.0.0.0"]
