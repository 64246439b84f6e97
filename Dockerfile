# The operator, and with --target simulator the simulated ThingSpace: one static binary each on distroless, run as nobody in particular.
FROM --platform=$BUILDPLATFORM golang:1.26@sha256:0f063af2d465d8dcae54cce04278ada488b96f77b42449c8d071e47d016cc65a AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api api
COPY cmd cmd
COPY internal internal
ARG TARGETOS TARGETARCH VERSION=development
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/ ./cmd/...

FROM gcr.io/distroless/static:nonroot@sha256:e2e927ec666bae08560abb3c55d0659eceabb657f56b6782ab500a9fc7f555e3 AS simulator
LABEL org.opencontainers.image.source=https://github.com/fota-callback-operator/fota-callback-operator org.opencontainers.image.licenses=Apache-2.0
COPY --from=build /out/thingspace-simulator /thingspace-simulator
USER 65532:65532
EXPOSE 8480
ENTRYPOINT ["/thingspace-simulator"]
CMD ["--listen=:8480"]

FROM gcr.io/distroless/static:nonroot@sha256:e2e927ec666bae08560abb3c55d0659eceabb657f56b6782ab500a9fc7f555e3 AS manager
LABEL org.opencontainers.image.source=https://github.com/fota-callback-operator/fota-callback-operator org.opencontainers.image.licenses=Apache-2.0
COPY --from=build /out/manager /manager
USER 65532:65532
ENTRYPOINT ["/manager"]
