/** Dev servers of JavaScript with their usual commands under `portd run`. docs/dev-servers.md has the results. */
import { type DevServer, testDevServers } from "../support/os/dev_server.ts";
import { connects, connectsToRsbuild, connectsToVite, hearsOfChange } from "../support/os/hot_reload.ts";
import { newerNode, npmProject, QUIET } from "../support/os/npm_project.ts";
import { npmRegistry, tools } from "../support/os/requirement.ts";

const NPM = [tools("npm", "npx"), npmRegistry];
const PAGE = "<!doctype html><h1>a shop window</h1>";

/** A package.json with this script. */
function packageJson(scripts: Readonly<Record<string, string>>, type: "module" | "commonjs" = "commonjs") {
  return { "package.json": JSON.stringify({ name: "shop", version: "1.0.0", private: true, type, scripts }) };
}

const SERVERS: readonly DevServer[] = [
  {
    name: "vite",
    always: true,
    make: npmProject({
      name: "project-vite-9.3.0",
      create: ["npx", "-y", "create-vite@9.3.0", "project", "--template", "vanilla-ts", "--no-interactive"],
    }),
    command: ["npm", "run", "dev"],
    note: /^portd: Vite: added -- --port \d+ --strictPort$/m,
    page: /src="\/src\/main\.ts"/,
    reloads: hearsOfChange,
  },
  {
    name: "http-server",
    always: true,
    make: npmProject({
      name: "project-http-server-14.1.1",
      files: { "index.html": PAGE },
      packages: ["http-server@14.1.1"],
    }),
    command: ["npx", "http-server"],
    note: /^portd: http-server: added -p \d+$/m,
    page: /a shop window/,
  },
  {
    name: "next",
    make: npmProject({
      name: "project-next-16.4.3",
      create: "npx -y create-next-app@16.4.3 project --yes --ts --app --no-eslint --no-tailwind --use-npm --disable-git"
        .split(" "),
    }),
    command: ["npm", "run", "dev"],
    note: /^portd: Next\.js: added -- --port \d+$/m,
    page: /Create Next App/,
    reloads: connects("/_next/hmr"),
  },
  {
    name: "svelte-kit",
    make: npmProject({
      name: "project-svelte-0.17.1",
      create: "npx -y sv@0.17.1 create project --template minimal --types ts --no-add-ons --install npm".split(" "),
    }),
    command: ["npm", "run", "dev"],
    note: /^portd: Vite: added -- --port \d+ --strictPort$/m,
    page: /Welcome to SvelteKit/,
    reloads: connectsToVite(),
  },
  {
    name: "express",
    make: npmProject({
      name: "project-express-4.16.1",
      create: ["npx", "-y", "express-generator@4.16.1", "project", "--no-view"],
    }),
    command: ["npm", "start"],
    note: undefined,
    page: /Welcome to Express/,
  },
  {
    name: "wrangler",
    make: npmProject({
      name: "project-wrangler-2.74.0",
      create:
        "npx -y create-cloudflare@2.74.0 project --type hello-world --lang js --no-git --no-deploy --no-open --accept-defaults"
          .split(" "),
      isNewer: true,
    }),
    env: newerNode,
    command: ["npm", "run", "dev"],
    note: /^portd: Wrangler: added -- --port \d+ --inspector-port \d+$/m,
    page: /Hello World/,
    sides: ["inspector"],
  },
  {
    name: "docusaurus",
    make: npmProject({
      name: "project-docusaurus-3.10.2",
      create: "npx -y create-docusaurus@3.10.2 project classic --javascript --package-manager npm".split(" "),
    }),
    command: ["npm", "start"],
    note: /^portd: Docusaurus: added -- --port \d+$/m,
    page: /<title[^>]*>.*My Site|__docusaurus/,
    reloads: connects("/ws", /"type":"hot"/),
  },
  {
    name: "angular",
    make: npmProject({
      name: "project-angular-22.2.7",
      create: "npx -y @angular/cli@22.2.7 new project --defaults --skip-git --package-manager npm".split(" "),
      isNewer: true,
    }),
    env: newerNode,
    command: ["npm", "start"],
    note: /^portd: Angular: added -- --port \d+$/m,
    page: /<app-root>/,
    reloads: connectsToVite(),
  },
  {
    name: "astro",
    make: npmProject({
      name: "project-astro-7.3.5",
      files: {
        ...packageJson({ dev: "astro dev" }),
        "src/pages/index.astro": PAGE,
        "astro.config.mjs": "export default {};",
      },
      packages: ["astro@7.3.5"],
      isNewer: true,
    }),
    env: newerNode,
    command: ["npm", "run", "dev"],
    note: /^portd: Astro: added -- --port \d+$/m,
    page: /a shop window/,
    reloads: connectsToVite(),
  },
  {
    name: "nuxt",
    make: npmProject({
      name: "project-nuxt-4.5.2",
      files: {
        ...packageJson({ dev: "nuxt dev" }),
        "app/app.vue": "<template><h1>a shop window</h1></template>",
        "nuxt.config.ts": "export default defineNuxtConfig({ compatibilityDate: '2026-01-01' });",
      },
      packages: ["nuxt@4.5.2"],
      isNewer: true,
    }),
    env: newerNode,
    command: ["npm", "run", "dev"],
    note: /^portd: Nuxt: added -- --port \d+$/m,
    page: /a shop window/,
    reloads: connectsToVite("/_nuxt/"),
  },
  {
    name: "webpack-dev-server",
    make: npmProject({
      name: "project-webpack-5.113.0",
      files: {
        ...packageJson({ serve: "webpack serve" }),
        "src/index.js": "document.body.textContent = 'a shop window';",
        "webpack.config.js":
          "const Page = require('html-webpack-plugin');\nmodule.exports = { mode: 'development', plugins: [new Page({ title: 'a shop window' })] };",
      },
      packages: ["webpack@5.113.0", "webpack-cli@7.3.1", "webpack-dev-server@6.1.0", "html-webpack-plugin@5.6.8"],
      isNewer: true,
    }),
    env: newerNode,
    command: ["npm", "run", "serve"],
    note: /^portd: webpack: added -- --port \d+$/m,
    page: /a shop window/,
    reloads: connects("/ws", /"type":"hot"/),
  },
  {
    name: "parcel",
    make: npmProject({
      name: "project-parcel-2.16.4",
      files: {
        ...packageJson({ start: "parcel index.html" }),
        "index.html": PAGE + '<script type="module" src="a.js"></script>',
        "a.js": "",
      },
      packages: ["parcel@2.16.4"],
    }),
    command: ["npm", "start"],
    note: /^portd: Parcel: added -- --port \d+$/m,
    page: /a shop window/,
    reloads: connects("/"),
  },
  {
    name: "eleventy",
    make: npmProject({
      name: "project-eleventy-3.1.8",
      files: { ...packageJson({ start: "eleventy --serve" }), "index.md": "# a shop window" },
      packages: ["@11ty/eleventy@3.1.8"],
    }),
    command: ["npm", "start"],
    note: /^portd: Eleventy: added -- --port=\d+$/m,
    page: /a shop window/,
    reloads: connects("/", /eleventy\./),
  },
  {
    name: "react-router",
    make: npmProject({
      name: "project-react-router-8.4.0",
      files: {
        ...packageJson({ dev: "react-router dev" }, "module"),
        "vite.config.js":
          'import { reactRouter } from "@react-router/dev/vite";\nexport default { plugins: [reactRouter()] };\n',
        "app/routes.js": 'import { index } from "@react-router/dev/routes";\nexport default [index("home.jsx")];\n',
        "app/home.jsx": "export default () => <h1>a shop window</h1>;\n",
        "app/root.jsx": `import { Outlet, Scripts } from "react-router";
export default () => <html><body><Outlet /><Scripts /></body></html>;
`,
      },
      packages: [
        "react-router@8.4.0",
        "@react-router/dev@8.4.0",
        "@react-router/node@8.4.0",
        "react@19.3.0",
        "react-dom@19.3.0",
        "isbot@5",
        "vite@8.3.8",
      ],
      isNewer: true,
    }),
    env: newerNode,
    command: ["npm", "run", "dev"],
    note: /^portd: React Router: added -- --port \d+ --strictPort$/m,
    page: /a shop window/,
    reloads: connectsToVite(),
  },
  {
    name: "vitest",
    make: npmProject({
      name: "project-vitest-5.1.2",
      files: {
        ...packageJson({ test: "vitest --ui" }, "module"),
        "a.test.js": 'import { test } from "vitest";\ntest("a shop window", () => {});\n',
      },
      packages: ["vitest@5.1.2", "@vitest/ui@5.1.2"],
      isNewer: true,
    }),
    env: newerNode,
    command: ["npm", "test"],
    note: /^portd: Vitest: added -- --api\.port=\d+ --api\.strictPort$/m,
    path: "/__vitest__/",
    page: /Vitest/,
  },
  {
    name: "rsbuild",
    make: npmProject({
      name: "project-rsbuild-2.3.2",
      files: { ...packageJson({ dev: "rsbuild dev" }), "src/index.js": "document.title = 'a shop window';" },
      packages: ["@rsbuild/core@2.3.2"],
      isNewer: true,
    }),
    env: newerNode,
    command: ["npm", "run", "dev"],
    note: /^portd: Rsbuild: added -- --port \d+$/m,
    page: /<title>Rsbuild App/,
    reloads: connectsToRsbuild,
  },
  {
    name: "storybook",
    make: npmProject({
      name: "project-storybook-10.6.2",
      create: [
        "sh",
        "-c",
        "npx -y create-vite@9.3.0 project --template react-ts --no-interactive && cd project && npm install && npx -y create-storybook@10.6.2 --features docs --yes --no-dev --package-manager npm --disable-telemetry",
      ],
      isNewer: true,
    }),
    env: newerNode,
    command: ["npm", "run", "storybook"],
    note: /^portd: Storybook: added -- --port \d+ --exact-port$/m,
    page: /storybook/i,
    reloads: connectsToVite(),
  },
];

testDevServers(SERVERS.map(({ env, ...server }) => ({
  ...server,
  needs: NPM,
  env: async () => ({ ...QUIET, ...await env?.() }),
})));
