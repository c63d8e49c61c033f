/** What a log line holds: the JSON key and where HAProxy takes its value from (manual, 8.2.6). */
const request = {
  at: "%(at)[request_date(ms),ms_utime(%Y-%m-%dT%H:%M:%S.%3NZ)]",
  id: "%(id)ID",
  client: "%(client)ci",
  client_port: "%(client_port:sint)cp",
  frontend: "%(frontend)f",
  backend: "%(backend)b",
  server: "%(server)s",
  method: "%(method)HM",
  host: "%(host)[capture.req.hdr(0)]",
  path: "%(path)HPO",
  query: "%(query)HQ",
  version: "%(version)HV",
  status: "%(status)ST",
  bytes: "%(bytes)B",
  request_ms: "%(request_ms)TR",
  queue_ms: "%(queue_ms)Tw",
  connect_ms: "%(connect_ms)Tc",
  response_ms: "%(response_ms)Tr",
  total_ms: "%(total_ms)Ta",
  termination: "%(termination)tsc",
  retries: "%(retries)rc",
  user_agent: "%(user_agent)[capture.req.hdr(1)]",
  tls: "%(tls)sslv",
};
const failedConnection = {
  at: "%(at)[date(0,ms),ms_utime(%Y-%m-%dT%H:%M:%S.%3NZ)]",
  client: request.client,
  client_port: request.client_port,
  frontend: request.frontend,
  error: "%(error)[fc_err_str]",
  tls_error: "%(tls_error)[ssl_fc_err_str]",
};

const connection = {
  at: "%(at)[accept_date(ms),ms_utime(%Y-%m-%dT%H:%M:%S.%3NZ)]",
  client: request.client,
  client_port: request.client_port,
  frontend: request.frontend,
  backend: request.backend,
  server: request.server,
  bytes: request.bytes,
  queue_ms: request.queue_ms,
  connect_ms: request.connect_ms,
  total_ms: "%(total_ms)Tt",
  termination: "%(termination)ts",
  retries: request.retries,
};

/** JSON, with HAProxy's own encoder, so that nothing a client sends can break a line or forge a key. */
const json = (fields: Readonly<Record<string, string>>): string =>
  `%{+json}o ${Object.values(fields).join(" ")}`;

/** One line per request. */
export const logFormat = json(request);
/** One line per connection that never became a request. */
export const errorLogFormat = json(failedConnection);
/** One line per TCP connection, at its end. */
export const connectionLogFormat = json(connection);
