BEGIN TRANSACTION;
CREATE TABLE log_entries (
	attempt VARCHAR(36) NOT NULL, 
	seq BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	stream VARCHAR(30) NOT NULL, 
	level INTEGER NOT NULL, 
	message TEXT NOT NULL, 
	logger TEXT NOT NULL, 
	attributes TEXT NOT NULL, 
	PRIMARY KEY (attempt, seq)
)
 WITHOUT ROWID

;
INSERT INTO "log_entries" VALUES('01a21be1-0931-7e62-8c8a-26a56f51c495',1,1795764062570850,'stdout',20,'step t','','{}');
INSERT INTO "log_entries" VALUES('01a21be1-0f1e-7e24-b38f-acd931a5522e',1,1795764064059571,'stdout',20,'step a','','{}');
INSERT INTO "log_entries" VALUES('01a21be1-0ffa-79e7-b50f-402a4c42aca0',1,1795764064268936,'logging',20,'waiting for gate: it is not there yet','task','{}');
INSERT INTO "log_entries" VALUES('01a21be1-10c6-7c8b-89e9-690912887ea2',1,1795764064469748,'system',40,'Traceback (most recent call last):
  File "/srv/pipeline/work.py", line 36, in gated
    raise RuntimeError("nothing works")
RuntimeError: nothing works
task broken of dag fails (pipeline.ppd:22)','','{}');
INSERT INTO "log_entries" VALUES('01a21be1-1325-7bb2-be81-d1e292506bdc',1,1795764065094238,'stdout',20,'step x','','{}');
INSERT INTO "log_entries" VALUES('01a21be1-1325-7bb6-a2ed-ea19294d16cf',1,1795764065093967,'stdout',20,'step y','','{}');
INSERT INTO "log_entries" VALUES('01a21be1-1325-7bba-86bc-edcaa86cacdf',1,1795764065094585,'stdout',20,'step z','','{}');
CREATE TABLE ppacer_meta (
	part VARCHAR(30) NOT NULL, 
	schema_version INTEGER NOT NULL, 
	leader_epoch BIGINT NOT NULL, step INTEGER DEFAULT 0 NOT NULL, leader_host VARCHAR(300), leader_pid INTEGER, leader_since BIGINT, leader_url VARCHAR(300), 
	PRIMARY KEY (part)
);
INSERT INTO "ppacer_meta" VALUES('logs',3,0,0,NULL,NULL,NULL,NULL);
COMMIT;
