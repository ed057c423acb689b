/**
 * Dev servers that do not take their port from PORT: how each is recognised, and the words that give it a port, and that
 * keep it from taking another one. Pure. The sources are the vendors' documentation of their command lines.
 */
import { type Framework, frameworkId, LONG, port, short } from "./framework.ts";
import { JAVASCRIPT_FRAMEWORKS } from "./javascript_frameworks.ts";

/** All of them. */
export const FRAMEWORKS: readonly Framework[] = [
  ...JAVASCRIPT_FRAMEWORKS,
  {
    name: "Django",
    program: /^(?:manage\.py|django-admin)$/,
    serves: /^runserver(?:_plus)?$/,
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
    own: /^--(?:ServerApp\.|NotebookApp\.)?port(?:=|$)/,
    // Not by their long names: those of Jupyter Server are silently ignored by Notebook 6.
    words: (port) => [`--port=${port}`, "--port-retries=0"],
    source: "https://jupyter-server.readthedocs.io/en/latest/users/launching.html",
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
    name: "rackup",
    program: /^rackup$/,
    own: LONG,
    words: short,
    source: "https://github.com/rack/rackup",
  },
  {
    name: "Puma",
    program: /^puma$/,
    own: /^(?:-p|--port|-b|--bind)/,
    words: short,
    source: "https://puma.io/puma/",
  },
  {
    name: "Jekyll",
    program: /^jekyll$/,
    serves: /^(?:serve|server|s)$/,
    own: /^(?:-P|--port)/,
    words: port(),
    sides: [{
      name: "livereload",
      opens: /^(?:-l|--livereload)$/,
      own: /^--livereload-port(?:=|$)/,
      words: (port) => ["--livereload-port", String(port)],
    }],
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
    name: "Laravel",
    program: /^artisan$/,
    serves: /^serve$/,
    own: /^--port(?:=|$)/,
    words: (port) => [`--port=${port}`],
    source: "https://laravel.com/docs/12.x/installation",
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

/** What portd.yaml may name: each of them, or none, which leaves the command as it is. */
export const FRAMEWORK_NAMES: readonly string[] = [...FRAMEWORKS.map(frameworkId), "none"];
