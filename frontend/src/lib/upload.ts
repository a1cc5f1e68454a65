import { csrfToken, failure } from './api-client';
import { ApiError, OFFLINE } from './errors';

export interface UploadOptions {
  /** Share of the bytes that have left, 0 to 1. */
  onProgress?: (share: number) => void;
  signal?: AbortSignal;
}

/** Multipart POST with upload progress, which fetch cannot report. */
export function upload<T>(path: string, body: FormData, { onProgress, signal }: UploadOptions = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', path);
    request.setRequestHeader('X-CSRFToken', csrfToken());
    request.setRequestHeader('Accept', 'application/json');
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress?.(event.loaded / event.total);
    };
    request.onload = () => {
      let answer: unknown = request.responseText;
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        // An HTML error page of a proxy: the status says enough.
      }
      if (request.status >= 200 && request.status < 300) resolve(answer as T);
      else reject(failure(request.status, typeof answer === 'string' ? null : answer));
    };
    request.onerror = () => reject(new ApiError(0, null, OFFLINE));
    request.onabort = () => reject(new DOMException('The upload was stopped.', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort());
    request.send(body);
  });
}
