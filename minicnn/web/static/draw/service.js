// The service, asked by POST.

// What it answers, or an `Error` that says why there is no answer.
// - `body`: a Blob, or plain data that is sent as JSON.
export async function post(url, body) {
  const isBlob = body instanceof Blob;
  const headers = { "Content-Type": isBlob ? body.type : "application/json" };
  const sent = isBlob ? body : JSON.stringify(body);
  let response;
  let value;
  try {
    response = await fetch(url, { method: "POST", body: sent, headers });
    value = await response.json();
  } catch {
    throw new Error("the service does not answer");
  }
  if (!response.ok) throw new Error(value.error.message);
  return value;
}
