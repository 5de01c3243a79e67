import { app } from "kellion";
app.entrypoint(async (payload, context) => { console.log("hi", payload); return { payload, turn: context.turn }; });
