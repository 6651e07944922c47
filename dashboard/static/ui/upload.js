// Sends one file. XMLHttpRequest, because fetch can't report how much of a
// request has been sent.

import { ApiError, problem } from './http.js';

/** uploadFile resolves to the document and whether it was there already.
 * progress(fraction) goes 0 to 1. */
export function uploadFile({ clientId, file, progress, signal }) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append('clientId', clientId); // before the file: the server streams
    form.append('file', file, file.name);
    const request = new XMLHttpRequest();
    request.open('POST', '/api/dashboard/documents/upload');
    request.upload.addEventListener('progress', (event) => {
      if (event.lengthComputable && event.total > 0) progress(event.loaded / event.total);
    });
    request.addEventListener('load', () => {
      if (request.status < 200 || request.status > 299) {
        reject(problem(request.status, request.responseText, (name) => request.getResponseHeader(name)));
        return;
      }
      try {
        const { documents: [document], duplicates } = JSON.parse(request.responseText);
        resolve({ document, duplicate: duplicates?.length > 0 });
      } catch {
        reject(new ApiError('The server’s answer could not be read. Reload the page to see whether the file arrived.'));
      }
    });
    request.addEventListener('error', () => reject(new ApiError('The upload was cut off. The file may be too large, or the connection was lost.')));
    request.addEventListener('abort', () => reject(new ApiError('The upload was stopped.', { code: 'aborted' })));
    signal?.addEventListener('abort', () => request.abort(), { once: true });
    request.send(form);
  });
}
