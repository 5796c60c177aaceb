// Asks for a run. What is sent again under its key makes no second one.

import { part, post } from "./api.js";

export const trigger = (dag, body, key) => post(`/dags/${part(dag)}/runs`, body, { "Idempotency-Key": key });

// A key for one request. `crypto.randomUUID` is there on loopback and over https alone.
export const newKey = () => [...crypto.getRandomValues(new Uint32Array(4))].map((each) => each.toString(36)).join("-");
