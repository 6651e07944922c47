// JSON over fetch. Every failure is an ApiError whose message is a sentence
// for people: the server's own if it sent one.

export class ApiError extends Error {
  /** status is the HTTP status, 0 if the server could not be reached. */
  constructor(message, { status = 0, code = 'network', retryAfter = 0, requestId = '' } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter; // seconds, 0 if unknown
    this.requestId = requestId;
  }

  /** passing reports whether the same request may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

const UNREACHABLE = 'The server can’t be reached. Check your connection and try again.';

/** problem reads an error response (application/problem+json). */
export function problem(status, body, header = () => null) {
  let parsed = {};
  try {
    parsed = JSON.parse(body) ?? {};
  } catch {
    // A proxy in between may answer with its own page.
  }
  const detail = typeof parsed.detail === 'string' && parsed.detail;
  return new ApiError(detail || (status >= 500 ? 'The server has a problem at the moment. Please try again shortly.' : 'The server refused the request.'), {
    status,
    code: parsed.code || `http_${status}`,
    retryAfter: Number(header('Retry-After')) || 0,
    requestId: parsed.requestId || '',
  });
}

export async function problemOf(response) {
  return problem(response.status, await response.text().catch(() => ''), (name) => response.headers.get(name));
}

/** api calls an endpoint and returns its JSON, or null for an empty answer. */
export async function api(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
  } catch {
    throw new ApiError(UNREACHABLE);
  }
  if (!response.ok) throw await problemOf(response);
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    throw new ApiError(UNREACHABLE);
  }
}
