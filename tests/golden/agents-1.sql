-- The agents' database of layout 1, as the program of then wrote it.
CREATE TABLE agents (
        tenant TEXT NOT NULL, agent TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (tenant, agent)
    ) STRICT;
INSERT INTO "agents" VALUES('000000000000','probe-6fdc627c6e','{"id":"probe-6fdc627c6e","name":"probe","created":1795985070276}');
INSERT INTO "agents" VALUES('000000000000','plain-99a278fea2','{"id":"plain-99a278fea2","name":"plain","created":1795985070758}');
CREATE TABLE artifacts (
        tenant TEXT NOT NULL, reference TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (tenant, reference)
    ) STRICT;
INSERT INTO "artifacts" VALUES('000000000000','000000000000.dkr.ecr.us-west-2.amazonaws.com/probe:latest','{"reference":"000000000000.dkr.ecr.us-west-2.amazonaws.com/probe:latest","digest":"20985aff5f75753ac90c060e065bd806cced67d5d143acf2ca7fded29e3b3ef2","size_bytes":479268,"pushed":1795985070262}');
CREATE TABLE endpoints (
        tenant TEXT NOT NULL, agent TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (tenant, agent, name),
        FOREIGN KEY (tenant, agent) REFERENCES agents ON DELETE CASCADE
    ) STRICT;
INSERT INTO "endpoints" VALUES('000000000000','plain-99a278fea2','DEFAULT','{"name":"DEFAULT","description":null,"target":1,"live":null,"created":1795985070758,"updated":1795985070758}');
INSERT INTO "endpoints" VALUES('000000000000','probe-6fdc627c6e','DEFAULT','{"name":"DEFAULT","description":null,"target":2,"live":2,"created":1795985070276,"updated":1795985074806}');
INSERT INTO "endpoints" VALUES('000000000000','probe-6fdc627c6e','live','{"name":"live","description":null,"target":1,"live":1,"created":1795985074834,"updated":1795985074834}');
CREATE TABLE versions (
        tenant TEXT NOT NULL, agent TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (tenant, agent, version),
        FOREIGN KEY (tenant, agent) REFERENCES agents ON DELETE CASCADE
    ) STRICT;
INSERT INTO "versions" VALUES('000000000000','probe-6fdc627c6e',1,'{"version":1,"configuration":{"artifact":{"reference":"000000000000.dkr.ecr.us-west-2.amazonaws.com/probe:latest","wire":{"containerConfiguration":{"containerUri":"000000000000.dkr.ecr.us-west-2.amazonaws.com/probe:latest"}}},"role_arn":"arn:aws:iam::000000000000:role/kellion","description":null,"environment":{"COLOR":"green"},"lifecycle":{"idle_timeout":{"secs":900,"nanos":0},"max_lifetime":{"secs":28800,"nanos":0}},"request_headers":[],"kept":{"networkConfiguration":{"networkMode":"PUBLIC"},"platformVersion":"V2","tags":{"stage":"it''s \"one\"","team":"tests"}}},"build":{"state":"ready","digest":"20985aff5f75753ac90c060e065bd806cced67d5d143acf2ca7fded29e3b3ef2"},"created":1795985070276,"updated":1795985071724}');
INSERT INTO "versions" VALUES('000000000000','plain-99a278fea2',1,'{"version":1,"configuration":{"artifact":{"reference":"none:latest","wire":{"containerConfiguration":{"containerUri":"none"}}},"role_arn":"arn:aws:iam::000000000000:role/kellion","description":"No tags","environment":{},"lifecycle":{"idle_timeout":{"secs":900,"nanos":0},"max_lifetime":{"secs":28800,"nanos":0}},"request_headers":[],"kept":{"networkConfiguration":{"networkMode":"PUBLIC"}}},"build":{"state":"failed","reason":"no artifact is stored under none:latest; push one with: kellion push FILE.wasm none:latest"},"created":1795985070758,"updated":1795985071730}');
INSERT INTO "versions" VALUES('000000000000','probe-6fdc627c6e',2,'{"version":2,"configuration":{"artifact":{"reference":"000000000000.dkr.ecr.us-west-2.amazonaws.com/probe:latest","wire":{"containerConfiguration":{"containerUri":"000000000000.dkr.ecr.us-west-2.amazonaws.com/probe:latest"}}},"role_arn":"arn:aws:iam::000000000000:role/kellion","description":null,"environment":{},"lifecycle":{"idle_timeout":{"secs":900,"nanos":0},"max_lifetime":{"secs":28800,"nanos":0}},"request_headers":[],"kept":{"networkConfiguration":{"networkMode":"PUBLIC"},"tags":{"team":"strangers"}}},"build":{"state":"ready","digest":"20985aff5f75753ac90c060e065bd806cced67d5d143acf2ca7fded29e3b3ef2"},"created":1795985074803,"updated":1795985074806}');
PRAGMA user_version = 1;
