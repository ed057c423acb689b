/**
 * Dev servers that do not take their port from PORT: how each is recognised, and the words that give it a port, and that
 * keep it from taking another one. Pure. The sources are the vendors' documentation of their command lines.
 */

/** One dev server. */
export interface Framework {
  readonly name: string;
  /** The program, without its folder. */
  readonly program: RegExp;
  /** The words behind it with which it serves, as in `dev`; where it has none, any words but {@linkcode others}. */
  readonly serves?: RegExp;
  /** First words with which it does something else. */
  readonly others?: RegExp;
  /** Words that say that the command has a port already. */
  readonly own: RegExp;
  /** What is put at the end. */
  readonly words: (port: number) => readonly string[];
  /** Used instead where the port stands within the command: the whole words. */
  readonly rewrite?: (words: readonly string[], port: number) => readonly string[];
  readonly source: string;
}

const LONG = /^(?:--port|-p)(?:=|$)|^-p\d+$/;
const port = (...more: readonly string[]) => (port: number) => ["--port", String(port), ...more];
const short = (port: number) => ["-p", String(port)];

/** All of them. */
export const FRAMEWORKS: readonly Framework[] = [
  {
    name: "Vite",
    program: /^vite$/,
    others: /^(?:build|optimize)$/,
    own: LONG,
    words: port("--strictPort"),
    source: "https://vite.dev/guide/cli",
  },
  {
    name: "React Router",
    program: /^(?:react-router|remix)$/,
    serves: /^(?:dev|vite:dev)$/,
    own: LONG,
    words: port("--strictPort"),
    source: "https://reactrouter.com/api/other-api/dev",
  },
  {
    name: "Astro",
    program: /^astro$/,
    serves: /^(?:dev|preview)$/,
    own: LONG,
    words: port(),
    source: "https://docs.astro.build/en/reference/cli-reference/",
  },
  {
    name: "Next.js",
    program: /^next$/,
    serves: /^(?:dev|start)$/,
    own: LONG,
    words: port(),
    source: "https://nextjs.org/docs/app/api-reference/cli/next",
  },
  {
    name: "Nuxt",
    program: /^nux[it]$/,
    serves: /^(?:dev|preview)$/,
    own: LONG,
    words: port(),
    source: "https://nuxt.com/docs/api/commands/dev",
  },
  {
    name: "Angular",
    program: /^ng$/,
    serves: /^(?:serve|s|dev)$/,
    own: LONG,
    words: port(),
    source: "https://angular.dev/cli/serve",
  },
  {
    name: "Vue CLI",
    program: /^vue-cli-service$/,
    serves: /^serve$/,
    own: LONG,
    words: port(),
    source: "https://cli.vuejs.org/guide/cli-service.html",
  },
  {
    name: "webpack",
    program: /^webpack(?:-cli)?$/,
    serves: /^(?:serve|server|s)$/,
    own: LONG,
    words: port(),
    source: "https://webpack.js.org/api/cli/#serve",
  },
  {
    name: "webpack-dev-server",
    program: /^webpack-dev-server$/,
    own: LONG,
    words: port(),
    source: "https://github.com/webpack/webpack-dev-server",
  },
  {
    name: "Parcel",
    program: /^parcel$/,
    others: /^(?:build|watch|help)$/,
    own: LONG,
    words: port(),
    source: "https://parceljs.org/features/cli/",
  },
  {
    name: "Gatsby",
    program: /^gatsby$/,
    serves: /^(?:develop|serve)$/,
    own: LONG,
    words: port(),
    source: "https://www.gatsbyjs.com/docs/reference/gatsby-cli/",
  },
  {
    name: "Docusaurus",
    program: /^docusaurus$/,
    serves: /^(?:start|serve)$/,
    own: LONG,
    words: port(),
    source: "https://docusaurus.io/docs/cli",
  },
  {
    name: "Eleventy",
    program: /^eleventy$/,
    serves: /^--serve$/,
    own: LONG,
    words: (port) => [`--port=${port}`],
    source: "https://www.11ty.dev/docs/usage/",
  },
  {
    name: "Expo",
    program: /^expo$/,
    serves: /^start$/,
    own: LONG,
    words: port(),
    source: "https://docs.expo.dev/more/expo-cli/",
  },
  {
    name: "Storybook",
    program: /^(?:storybook|sb)$/,
    serves: /^dev$/,
    own: LONG,
    words: port("--exact-port"),
    source: "https://storybook.js.org/docs/api/cli-options",
  },
  {
    name: "Wrangler",
    program: /^wrangler$/,
    serves: /^dev$/,
    own: LONG,
    words: port(),
    source: "https://developers.cloudflare.com/workers/wrangler/commands/#dev",
  },
  {
    name: "http-server",
    program: /^http-server$/,
    own: LONG,
    words: short,
    source: "https://github.com/http-party/http-server",
  },
  {
    name: "serve",
    program: /^serve$/,
    own: /^(?:-l|--listen|-p)/,
    words: (port) => ["-l", String(port)],
    source: "https://github.com/vercel/serve",
  },
  {
    name: "Deno",
    program: /^deno$/,
    serves: /^serve$/,
    own: /^--port(?:=|$)/,
    words: () => [],
    rewrite: (words, port) => insertAfter(words, "serve", `--port=${port}`),
    source: "https://docs.deno.com/runtime/reference/cli/serve/",
  },
  {
    name: "Django",
    program: /^(?:manage\.py|django-admin)$/,
    serves: /^runserver$/,
    own: /^(?:\d+|\S*:\d+)$/,
    words: (port) => [String(port)],
    source: "https://docs.djangoproject.com/en/stable/ref/django-admin/#runserver",
  },
  {
    name: "Flask",
    program: /^flask$/,
    serves: /^run$/,
    own: LONG,
    words: port(),
    source: "https://flask.palletsprojects.com/en/stable/cli/",
  },
  {
    name: "uvicorn",
    program: /^uvicorn$/,
    own: /^(?:--port(?:=|$)|--uds|--fd)/,
    words: port(),
    source: "https://www.uvicorn.org/settings/",
  },
  {
    name: "FastAPI",
    program: /^fastapi$/,
    serves: /^(?:dev|run)$/,
    own: /^--port(?:=|$)/,
    words: port(),
    source: "https://fastapi.tiangolo.com/fastapi-cli/",
  },
  {
    name: "gunicorn",
    program: /^gunicorn$/,
    own: /^(?:-b|--bind)/,
    words: (port) => ["--bind", `127.0.0.1:${port}`],
    source: "https://docs.gunicorn.org/en/stable/settings.html#bind",
  },
  {
    name: "http.server",
    program: /^http\.server$/,
    own: /^\d+$/,
    words: (port) => [String(port)],
    source: "https://docs.python.org/3/library/http.server.html",
  },
  {
    name: "MkDocs",
    program: /^mkdocs$/,
    serves: /^serve$/,
    own: /^(?:-a|--dev-addr)/,
    words: (port) => ["--dev-addr", `127.0.0.1:${port}`],
    source: "https://www.mkdocs.org/user-guide/cli/#mkdocs-serve",
  },
  {
    name: "Jupyter",
    program: /^jupyter(?:-lab|-notebook)?$/,
    others: /^(?!lab$|notebook$|server$|--)\S/,
    own: /^--(?:ServerApp\.)?port(?:=|$)/,
    words: (port) => [`--ServerApp.port=${port}`, "--ServerApp.port_retries=0"],
    source: "https://jupyter-server.readthedocs.io/en/latest/other/full-config.html",
  },
  {
    name: "Rails",
    program: /^rails$/,
    serves: /^(?:server|s)$/,
    own: LONG,
    words: short,
    source: "https://guides.rubyonrails.org/command_line.html",
  },
  {
    name: "Jekyll",
    program: /^jekyll$/,
    serves: /^(?:serve|server|s)$/,
    own: /^(?:-P|--port)/,
    words: port(),
    source: "https://jekyllrb.com/docs/configuration/options/",
  },
  {
    name: "Hugo",
    program: /^hugo$/,
    serves: /^(?:server|serve)$/,
    own: LONG,
    words: port(),
    source: "https://gohugo.io/commands/hugo_server/",
  },
  {
    name: "PHP",
    program: /^php[\d.]*$/,
    serves: /^-S$/,
    own: /^(?!)/,
    words: () => [],
    rewrite: (words, port) => words.map((word, i) => words[i - 1] === "-S" ? word.replace(/:\d+$/, `:${port}`) : word),
    source: "https://www.php.net/manual/en/features.commandline.webserver.php",
  },
];

function insertAfter(words: readonly string[], mark: string, more: string): readonly string[] {
  const at = words.indexOf(mark) + 1;
  return [...words.slice(0, at), more, ...words.slice(at)];
}
