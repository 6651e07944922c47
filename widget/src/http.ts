// Requests to the API. None carries cookies; all carry the publishable key.

import { read } from './json.ts';

/** Failure is a request that was refused (status) or got no answer (0). */
export interface Failure {
  status: number;
  code: string;
  message: string;
  after: number; // seconds to wait, 0 if unknown
}

export type Call = (method: string, path: string, headers: Record<string, string>, body: string | undefined, signal: AbortSignal) => Promise<Response>;

/** lost is one that got no answer. */
export const lost = (): Failure => ({ status: 0, code: 'network', message: '', after: 0 });

/** caller sends for one key; it throws a Failure unless the answer is 2xx. */
export const caller = (base: string, key: string): Call => async (method, path, headers, body, signal) => {
  let response: Response;
  const failure = lost();
  try {
    response = await fetch(base + path, {
      method, body, signal, credentials: 'omit', cache: 'no-store',
      headers: { 'x-api-key': key, ...(body && { 'content-type': 'application/json' }), ...headers },
    });
  } catch {
    throw failure;
  }
  if (response.ok) return response;
  failure.status = response.status;
  failure.after = +response.headers.get('retry-after')! || 0;
  try {
    ({ code: failure.code, detail: failure.message } = read(await response.text()));
  } catch {
    // A proxy in between answers with its own page.
  }
  throw failure;
};

/** soon bounds what should not take long. */
export const soon = (): AbortSignal => AbortSignal.timeout(20_000);
