/** The page at `/`: says what answers here and links to what there is to try. */
export function indexPage(instance: string, version: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>veza-edge: ${escapeHtml(instance)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
code, pre { background: #8882; padding: .1em .3em; border-radius: 3px }
pre { padding: .6em; min-height: 4.5em; overflow: auto }
</style>
</head>
<body>
<h1>veza-edge</h1>
<p>You came through the load balancer and were answered by <code>${escapeHtml(instance)}</code>, version
<code>${escapeHtml(version)}</code>. This is a <strong>stand-in</strong> for the platform's API: it holds no music, and
is here so that the edge can be tried.</p>
<ul>
<li><a href="/api/v1/whoami">/api/v1/whoami</a>: instance, version, your address and headers as the application sees them</li>
<li><a href="/api/v1/health">/api/v1/health</a>: what the load balancer asks every few seconds</li>
<li><a href="/api/v1/slow?ms=2000">/api/v1/slow?ms=2000</a>: an answer that takes two seconds</li>
<li><a href="/api/v1/notes">/api/v1/notes</a>: the last notes in the database, through the write-VIP; <code>POST
/api/v1/notes?text=…</code> writes one</li>
<li><a href="/stream/demo">/stream/demo</a>: which stream-server holds the track <code>demo</code>, and its cache hits;
<a href="/stream/demo/1">/stream/demo/1</a> fetches a segment of it</li>
</ul>
<p>WebSocket <code>/api/v1/ws</code>: <button id="send" disabled>send a message</button></p>
<pre id="log"></pre>
<script>
const log = (line) => { document.getElementById("log").textContent += line + "\\n"; };
const button = document.getElementById("send");
let count = 0;
let socket;
const connect = () => {
  socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/api/v1/ws");
  socket.onopen = () => { button.disabled = false; };
  socket.onmessage = (event) => log("← " + event.data);
  socket.onclose = (event) => { button.disabled = true; log("closed (" + event.code + "), again in 1 s"); setTimeout(connect, 1000); };
};
button.onclick = () => { count += 1; log("→ hello " + count); socket.send("hello " + count); };
connect();
</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
