PRAGMA user_version = 1;
CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant TEXT NOT NULL, agent TEXT NOT NULL, session TEXT NOT NULL, incarnation INTEGER NOT NULL,
        state TEXT NOT NULL, durability TEXT NOT NULL,
        started INTEGER NOT NULL, active INTEGER NOT NULL, ended INTEGER,
        turns INTEGER NOT NULL, bytes INTEGER NOT NULL,
        last INTEGER NOT NULL, link BLOB NOT NULL,
        damaged_at INTEGER, damaged_why TEXT,
        seal BLOB NOT NULL
    ) STRICT;
CREATE UNIQUE INDEX sessions_by_key ON sessions (tenant, agent, session, incarnation);
CREATE INDEX sessions_by_tenant ON sessions (tenant);
CREATE INDEX sessions_by_end ON sessions (ended) WHERE ended IS NOT NULL;
CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        session INTEGER NOT NULL, seq INTEGER NOT NULL,
        format INTEGER NOT NULL, size INTEGER NOT NULL, text TEXT, file BLOB, link BLOB NOT NULL
    ) STRICT;
CREATE UNIQUE INDEX records_by_place ON records (session, seq);
CREATE INDEX records_by_file ON records (file) WHERE file IS NOT NULL;
CREATE TABLE turns (
        id INTEGER PRIMARY KEY,
        session INTEGER NOT NULL, turn INTEGER NOT NULL, invocation TEXT,
        accepted INTEGER NOT NULL, finished INTEGER
    ) STRICT;
CREATE UNIQUE INDEX turns_by_number ON turns (session, turn);
CREATE INDEX turns_by_invocation ON turns (session, invocation) WHERE invocation IS NOT NULL;
INSERT INTO sessions VALUES (1, '123456789012', 'support-Ab12Cd34Ef', 'session-00000000000000000000000000000001', 1, 'open', 'process', 1790000000000, 1790000000000, NULL, 5, 26049, 21, x'a84641c8be734b3a2091872e2c6a86834c3af264c8f4043d16677913e5c99c2e', NULL, NULL, x'3b57293c3c70aeaaa9be934eba240906893ac5cad8b6ce1f664893bec7bdd915');
INSERT INTO sessions VALUES (2, '123456789012', 'support-Ab12Cd34Ef', 'session-00000000000000000000000000000002', 1, 'ended', 'power', 1790000000000, 1790000000000, 1790000000000, 0, 336, 2, x'6b166f8a652f148dcd544cce4a59e2e8b25b600e5fbcbf557e609a037c5dfda4', NULL, NULL, x'a93da03fe426d5dfacc08b67b3791f5d0c82698d40bdc8420f173041aac47460');
INSERT INTO records VALUES (1, 1, 1, 1, 280, '{"record":"started","seed":"0707070707070707070707070707070707070707070707070707070707070707","version":3,"artifact":"6985ca1f4daa5a584a28eae043a239cb96689af1337ea13afb63e00c2bf512fa","principal":"arn:aws:iam::123456789012:user/ada","at":1790000000000,"limits":{"memory_mib":256}}', NULL, x'c8a99b40e56e95be89b8622b08119dbcf9e06a5fc2c1cbcecf8196e773d5cfde');
INSERT INTO records VALUES (2, 1, 2, 1, 440, '{"record":"turn-accepted","turn":1,"request":"request-1","invocation":"retry/1","at":1790000001000,"payload":{"text":"one"},"context":{"session_id":"session-00000000000000000000000000000001","request_id":"request-1","turn":1,"agent_name":"support","agent_version":"3","endpoint":"DEFAULT","tenant_id":"123456789012","user_id":null,"headers":[],"content_type":"application/json","accept":null,"deadline_ms":1790000901000,"traceparent":null}}', NULL, x'6f61799d3824bb759d7f48022a97f4aa513838743dafc0d788986ee94e67c859');
INSERT INTO records VALUES (3, 1, 3, 1, 391, '{"record":"observed","turn":1,"call":1,"request":"a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e","at":1790000001000,"result":{"kind":"converse","answer":{"Ok":{"content":[{"Text":"first"}],"stop_reason":"EndTurn","usage":{"input_tokens":3,"output_tokens":18446744073709551615,"cache_read_tokens":0,"cache_write_tokens":0},"latency_ms":12,"model":"offline","extra":null}}}}', NULL, x'20630db8167110286eb543b40998035bc510342dc4d7a9671a11860563836ed5');
INSERT INTO records VALUES (4, 1, 4, 1, 261, '{"record":"turn-finished","turn":1,"at":1790000001000,"outcome":{"outcome":"answered","content_type":"application/json","streamed":false,"output":{"text":"eins"}},"duration_us":1234,"memory_bytes":1048576,"models":{"calls":1,"input_tokens":3,"output_tokens":5}}', NULL, x'f028e7bebd044c0818c8d2d4e8036365957bc1ef08478eef7ec3770aa6832756');
INSERT INTO records VALUES (5, 1, 5, 1, 443, '{"record":"turn-accepted","turn":2,"request":"request-2","invocation":"retry/2","at":1790000002000,"payload":{"base64":"//4A"},"context":{"session_id":"session-00000000000000000000000000000001","request_id":"request-2","turn":2,"agent_name":"support","agent_version":"3","endpoint":"DEFAULT","tenant_id":"123456789012","user_id":null,"headers":[],"content_type":"application/json","accept":null,"deadline_ms":1790000902000,"traceparent":null}}', NULL, x'f8dfca107e8f99d05f158eca5d04ba372fafa17b1c3f8045091136c81abf0759');
INSERT INTO records VALUES (6, 1, 6, 1, 20257, NULL, x'03418ebb80826849a1b912ebdd5d7a8e7ed3462ccc01a3e22e046cb46665848f', x'72684876b2038785dc19193ae91562647442a0fe8031fceec9b0212cc650fcd1');
INSERT INTO records VALUES (7, 1, 7, 1, 442, '{"record":"turn-accepted","turn":3,"request":"request-3","invocation":"retry/3","at":1790000003000,"payload":{"text":"three"},"context":{"session_id":"session-00000000000000000000000000000001","request_id":"request-3","turn":3,"agent_name":"support","agent_version":"3","endpoint":"DEFAULT","tenant_id":"123456789012","user_id":null,"headers":[],"content_type":"application/json","accept":null,"deadline_ms":1790000903000,"traceparent":null}}', NULL, x'2d590a469bcda7fa448d84ca3c4166d11f2ffebdfd4b10fe33d8ac3eac9bdcf2');
INSERT INTO records VALUES (8, 1, 8, 1, 181, '{"record":"observed","turn":3,"call":1,"at":1790000000000,"result":{"kind":"converse","answer":{"Err":{"kind":"Throttled","message":"slow down","retry_after_ms":250,"usage":null}}}}', NULL, x'b1bccda60d1e2c532635eca94b3738dea5fda770c190e5d90c7b9ae0ebee9d71');
INSERT INTO records VALUES (9, 1, 9, 1, 249, '{"record":"observed","turn":3,"call":2,"request":"1f58b9145b24d108d7ac38887338b3ea3229833b9c1e418250343f907bfd1047","at":1790000000000,"result":{"kind":"converse-stream","events":[[0,{"Delta":{"Text":"Hel"}}],[17,"BlockStop"]],"end":{"end":"more"}}}', NULL, x'52388508434f72ebdcd8a101ea10f26c1f8832be5790be4e80b3d14b3d2a712e');
INSERT INTO records VALUES (10, 1, 10, 1, 127, '{"record":"observed","turn":3,"call":3,"at":1790000000000,"result":{"kind":"converse-stream","events":[],"end":{"end":"done"}}}', NULL, x'1c8cd8d0300f1f951ce3d97d5f8ccf3ed439ae81c4cc473bfbfc0b7b0f2ad5e0');
INSERT INTO records VALUES (11, 1, 11, 1, 207, '{"record":"observed","turn":3,"call":4,"request":"1f58b9145b24d108d7ac38887338b3ea3229833b9c1e418250343f907bfd1047","at":1790000000000,"result":{"kind":"converse-stream","events":[],"end":{"end":"dropped"}}}', NULL, x'6932ea6534aafa58aa978e282116f69e581abaec8d77702d69996ebddee1dffe');
INSERT INTO records VALUES (12, 1, 12, 1, 215, '{"record":"observed","turn":3,"call":5,"at":1790000000000,"result":{"kind":"converse-stream","events":[],"end":{"end":"refused","error":{"kind":"Throttled","message":"slow down","retry_after_ms":250,"usage":null}}}}', NULL, x'36688a4fb140be06e04eeac21e5536d1ce666f2b435789b30e83a6206755398e');
INSERT INTO records VALUES (13, 1, 13, 1, 291, '{"record":"observed","turn":3,"call":6,"request":"1f58b9145b24d108d7ac38887338b3ea3229833b9c1e418250343f907bfd1047","at":1790000000000,"result":{"kind":"converse-stream","events":[],"end":{"end":"failed","error":{"kind":"Throttled","message":"slow down","retry_after_ms":250,"usage":null}}}}', NULL, x'7a196105f4a4b63207125c16e328ae34a5757a0eb981ae25f825cbd8b4c4f142');
INSERT INTO records VALUES (14, 1, 14, 1, 110, '{"record":"observed","turn":3,"call":7,"at":1790000000000,"result":{"kind":"count-tokens","answer":{"Ok":42}}}', NULL, x'f2d59c7137fe5124f831f3ba2cfd73e18b9b1a42269f8a58d7b0c2da416e9780');
INSERT INTO records VALUES (15, 1, 15, 1, 206, '{"record":"observed","turn":3,"call":8,"request":"1f58b9145b24d108d7ac38887338b3ea3229833b9c1e418250343f907bfd1047","at":1790000000000,"result":{"kind":"invoke-model","answer":{"Ok":{"base64":"AJ+Slg=="}}}}', NULL, x'5bafe4bb8e900c78184f497b48d7e03bcd4ad3047d445cfe0f84571022ff3df9');
INSERT INTO records VALUES (16, 1, 16, 1, 130, '{"record":"observed","turn":3,"call":9,"at":1790000000000,"result":{"kind":"remaining","budget":{"tokens":9,"money_micros":null}}}', NULL, x'7a42d7f51eb130112b9140338a46e8ddc621fda434ac819020bea380e34914c8');
INSERT INTO records VALUES (17, 1, 17, 1, 358, '{"record":"turn-finished","turn":3,"at":1790000000000,"outcome":{"outcome":"agent-error","invalid_payload":true,"message":"not JSON","sent":{"content_type":"text/plain","output":{"text":"half"}}},"duration_us":1,"memory_bytes":65536,"models":{"calls":0,"input_tokens":0,"output_tokens":0},"log":[{"at":1790000000000,"level":"Warn","message":"mind the gap"}]}', NULL, x'1e94c810d559e9755b4f6326a33928b669d57a88a5f0052ded1c3db21ab23e13');
INSERT INTO records VALUES (18, 1, 18, 1, 441, '{"record":"turn-accepted","turn":4,"request":"request-4","invocation":"retry/4","at":1790000004000,"payload":{"text":"more"},"context":{"session_id":"session-00000000000000000000000000000001","request_id":"request-4","turn":4,"agent_name":"support","agent_version":"3","endpoint":"DEFAULT","tenant_id":"123456789012","user_id":null,"headers":[],"content_type":"application/json","accept":null,"deadline_ms":1790000904000,"traceparent":null}}', NULL, x'c5292e4d19e6122be42132f8b847267f90abf72e43e0c89ac6205a75e20fca24');
INSERT INTO records VALUES (19, 1, 19, 1, 268, '{"record":"turn-finished","turn":4,"at":1790000000000,"outcome":{"outcome":"faulted","message":"trapped"},"duration_us":1,"memory_bytes":65536,"models":{"calls":0,"input_tokens":0,"output_tokens":0},"log":[{"at":1790000000000,"level":"Warn","message":"mind the gap"}]}', NULL, x'55907e134b2897a3ca8a44497467c0caa145bfaad839339157448311183dad2c');
INSERT INTO records VALUES (20, 1, 20, 1, 441, '{"record":"turn-accepted","turn":5,"request":"request-5","invocation":"retry/5","at":1790000005000,"payload":{"text":"more"},"context":{"session_id":"session-00000000000000000000000000000001","request_id":"request-5","turn":5,"agent_name":"support","agent_version":"3","endpoint":"DEFAULT","tenant_id":"123456789012","user_id":null,"headers":[],"content_type":"application/json","accept":null,"deadline_ms":1790000905000,"traceparent":null}}', NULL, x'bcf0a53ab9dec0dee0e84aac8ec119401b0cc493103efc0d3d7ea9fb8cc028d0');
INSERT INTO records VALUES (21, 1, 21, 1, 311, '{"record":"turn-finished","turn":5,"at":1790000000000,"outcome":{"outcome":"abandoned","message":"the turn took longer than 900 s","timed_out":true},"duration_us":1,"memory_bytes":65536,"models":{"calls":0,"input_tokens":0,"output_tokens":0},"log":[{"at":1790000000000,"level":"Warn","message":"mind the gap"}]}', NULL, x'a84641c8be734b3a2091872e2c6a86834c3af264c8f4043d16677913e5c99c2e');
INSERT INTO records VALUES (22, 2, 1, 1, 280, '{"record":"started","seed":"0707070707070707070707070707070707070707070707070707070707070707","version":3,"artifact":"6985ca1f4daa5a584a28eae043a239cb96689af1337ea13afb63e00c2bf512fa","principal":"arn:aws:iam::123456789012:user/ada","at":1790000000000,"limits":{"memory_mib":256}}', NULL, x'aaf50c8d95f8f2732d1ee6e58af9ea2ab93b64a07362835b67de2d4dea867ac5');
INSERT INTO records VALUES (23, 2, 2, 1, 56, '{"record":"ended","reason":"stopped","at":1790000000000}', NULL, x'6b166f8a652f148dcd544cce4a59e2e8b25b600e5fbcbf557e609a037c5dfda4');
INSERT INTO turns VALUES (1, 1, 1, 'retry/1', 2, 4);
INSERT INTO turns VALUES (2, 1, 2, 'retry/2', 5, 6);
INSERT INTO turns VALUES (3, 1, 3, 'retry/3', 7, 17);
INSERT INTO turns VALUES (4, 1, 4, 'retry/4', 18, 19);
INSERT INTO turns VALUES (5, 1, 5, 'retry/5', 20, 21);
