FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG COMMIT=unknown
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.commit=$COMMIT" -o /out/presence-gateway ./cmd/presence-gateway \
 && mkdir -p /out/state

# Holds certificate authorities and nothing that could be run. Its user is given by number, so that a cluster can see
# that it is not root.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/presence-gateway /presence-gateway
COPY --from=build --chown=65532:65532 /out/state /var/lib/presence-gateway
USER 65532:65532
ENV PRESENCE_LISTEN=:8080 PRESENCE_STATE_DIR=/var/lib/presence-gateway
VOLUME /var/lib/presence-gateway
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s --retries=3 CMD ["/presence-gateway", "health"]
ENTRYPOINT ["/presence-gateway"]
CMD ["serve", "--config", "/etc/presence-gateway/config.yaml"]
