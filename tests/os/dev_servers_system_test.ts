/**
 * Dev servers of Debian packages, of Python, Ruby and others, with their usual commands under `portd run`. They are named
 * by their paths where the test's own environment may have others in front: Debian's Python has Debian's packages.
 */
import type { Installation } from "../support/os/installation.ts";
import { type Served, testDevServers } from "../support/os/dev_server.ts";
import { closeSocket, nextMessage, openSocket } from "../support/os/hot_reload.ts";
import { makeProject } from "../support/os/project.ts";
import { tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";

/** Writes the files of the project. */
function files(files: Readonly<Record<string, string>>) {
  return (installation: Installation, copy: string) => makeProject(installation, copy, files);
}

/** Has the server's own command create the project, in the folder which is its last word. */
function createdBy(...words: readonly string[]) {
  return async ({ work, env }: Installation, copy: string): Promise<string> => {
    const folder = `${work}/${copy}`, [program = "", ...args] = words;
    await runTool(program, [...args, folder], { cwd: work, env });
    return folder;
  };
}

const FLASK = `from flask import Flask
app = Flask(__name__)

@app.route("/")
def page():
    return "<h1>a shop window</h1>"
`;

const ASGI = `async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a shop window"})
`;

const WSGI = `def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"a shop window"]
`;

const RACK = { "config.ru": "run ->(_) { [200, { 'content-type' => 'text/plain' }, ['a shop window']] }\n" };

const HELLO = /"command": ?"hello"/;

/** The protocol of LiveReload: the browser says hello, and Hugo answers; Jekyll says it first. */
async function reloadsOfHugo({ port }: Served): Promise<void> {
  const socket = await openSocket(`ws://localhost:${port}/livereload`);
  const answer = nextMessage(socket, HELLO);
  socket.send(JSON.stringify({ command: "hello", protocols: ["http://livereload.com/protocols/official-7"] }));
  await answer;
  await closeSocket(socket);
}

async function reloadsOfJekyll({ sides: [port] }: Served): Promise<void> {
  await closeSocket(await openSocket(`ws://localhost:${port}/livereload`, { first: HELLO }));
}

testDevServers([
  {
    name: "http.server",
    always: true,
    make: files({ "index.html": "<h1>a shop window</h1>" }),
    command: ["python3", "-m", "http.server"],
    note: /^portd: http\.server: added \d+$/m,
    page: /a shop window/,
    exitCode: 0,
  },
  {
    name: "flask",
    always: true, // for its reloader, which is a second process on the same socket
    needs: [tools("/usr/bin/flask")],
    make: files({ "app.py": FLASK }),
    command: ["/usr/bin/flask", "--debug", "run"],
    note: /^portd: Flask: added --port \d+$/m,
    page: /a shop window/,
    exitCode: 0,
  },
  {
    name: "django",
    needs: [tools("/usr/bin/django-admin")],
    async make(installation, copy) {
      const folder = await makeProject(installation, copy, {});
      await runTool("/usr/bin/django-admin", ["startproject", "shop", folder]);
      return folder;
    },
    command: ["/usr/bin/python3", "manage.py", "runserver"],
    note: /^portd: Django: added \d+$/m,
    page: /The install worked successfully/,
    exitCode: 0,
  },
  {
    name: "uvicorn",
    needs: [tools("/usr/bin/uvicorn")],
    make: files({ "app.py": ASGI }),
    command: ["/usr/bin/uvicorn", "app:app", "--reload"],
    note: /^portd: uvicorn: added --port \d+$/m,
    page: /a shop window/,
    exitCode: 0,
  },
  {
    name: "gunicorn",
    needs: [tools("/usr/bin/gunicorn")],
    make: files({ "app.py": WSGI }),
    command: ["/usr/bin/gunicorn", "--reload", "--workers", "2", "app:app"],
    note: /^portd: gunicorn: added --bind 127\.0\.0\.1:\d+$/m,
    page: /a shop window/,
    exitCode: 0,
  },
  {
    name: "mkdocs",
    needs: [tools("/usr/bin/mkdocs")],
    make: createdBy("/usr/bin/mkdocs", "new"),
    command: ["/usr/bin/mkdocs", "serve"],
    note: /^portd: MkDocs: added --dev-addr 127\.0\.0\.1:\d+$/m,
    page: /Welcome to MkDocs/,
    exitCode: 0,
  },
  {
    name: "php",
    needs: [tools("/usr/bin/php")],
    make: files({ "index.php": "<?php echo 'a shop ' . 'window';" }),
    command: ["/usr/bin/php", "-S", "localhost:8000"],
    note: /^portd: PHP: set its port to \d+$/m,
    page: /a shop window/,
    exitCode: 0,
  },
  {
    name: "hugo",
    needs: [tools("/usr/bin/hugo")],
    async make(installation, copy) {
      const folder = await createdBy("/usr/bin/hugo", "new", "site")(installation, copy);
      await Deno.writeTextFile(`${folder}/layouts/index.html`, "<body><h1>a shop window</h1></body>");
      return folder;
    },
    command: ["/usr/bin/hugo", "server"],
    note: /^portd: Hugo: added --port \d+$/m,
    page: /a shop window.*livereload\.js/,
    reloads: reloadsOfHugo,
    exitCode: 0,
  },
  {
    name: "jekyll",
    needs: [tools("/usr/bin/jekyll")],
    make: createdBy("/usr/bin/jekyll", "new", "--skip-bundle"),
    command: ["/usr/bin/bundle", "exec", "jekyll", "serve"],
    note: /^portd: Jekyll: added --port \d+$/m,
    page: /Your awesome title/,
    exitCode: 0,
  },
  {
    name: "jekyll-livereload",
    needs: [tools("/usr/bin/jekyll")],
    make: createdBy("/usr/bin/jekyll", "new", "--blank"),
    command: ["/usr/bin/jekyll", "serve", "--livereload"],
    note: /^portd: Jekyll: added --port \d+ --livereload-port \d+$/m,
    page: /livereload\.js/,
    sides: ["livereload"],
    reloads: reloadsOfJekyll,
    exitCode: 0,
  },
  {
    name: "rackup",
    needs: [tools("/usr/bin/rackup", "/usr/bin/puma")],
    make: files(RACK),
    command: ["/usr/bin/rackup"],
    note: /^portd: rackup: added -p \d+$/m,
    page: /a shop window/,
    exitCode: 0,
  },
  {
    name: "puma",
    needs: [tools("/usr/bin/puma")],
    make: files(RACK),
    command: ["/usr/bin/puma"],
    note: /^portd: Puma: added -p \d+$/m,
    page: /a shop window/,
    exitCode: 0,
  },
]);
