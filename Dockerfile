# The server as an image: no root, no shell needed, nothing written. Runs with a read-only root file system.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No dependency that runs in production has an install script; those of the test tools are not needed here.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
EXPOSE 8080 8081
# Ready, not merely alive: what waits for this container waits until it would admit.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "dist/cli/main.js", "healthcheck"]
# The process is PID 1 and handles SIGTERM itself: it drains. Give it longer to stop than HEADCOUNT_DRAIN_TIME.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["serve"]
