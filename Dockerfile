# Tollgate without Cloudflare (docs/operate/stand-alone.md). The first stage has the tools that build it, the second only what runs it.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY wrangler.toml tsconfig.json ./
COPY migrations ./migrations
COPY docs ./docs
COPY dashboard ./dashboard
COPY local ./local
COPY src ./src
RUN node local/build-stand-alone.ts

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts
COPY local ./local
COPY src ./src
COPY migrations ./migrations
COPY --from=build /app/dist-stand-alone ./dist-stand-alone
USER node
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "local/stand-alone/health.ts"]
# Not npm start: npm between Docker and the server would only stand in the way of signals.
CMD ["node", "local/start.ts"]
