BEGIN TRANSACTION;
CREATE TABLE alarm (
	id VARCHAR(36) NOT NULL, 
	subject_kind TEXT, 
	subject_id TEXT, 
	logger TEXT, 
	channel TEXT, 
	cause TEXT NOT NULL, 
	condition TEXT NOT NULL, 
	severity INTEGER NOT NULL, 
	onset_ms BIGINT NOT NULL, 
	changed_ms BIGINT NOT NULL, 
	end_ms BIGINT, 
	peak_mc BIGINT, 
	value_mc BIGINT, 
	limit_mc BIGINT, 
	rules JSON NOT NULL, 
	excursions JSON NOT NULL, 
	late BOOLEAN NOT NULL, 
	digest BOOLEAN NOT NULL, 
	monitoring_ended BOOLEAN DEFAULT 0 NOT NULL, 
	merged_into TEXT, 
	occasion INTEGER NOT NULL, 
	occasion_reason TEXT, 
	raised_ms BIGINT NOT NULL, 
	acknowledged_ms BIGINT, 
	acknowledged_by TEXT, 
	acknowledged_via TEXT, 
	comment TEXT, 
	suppression TEXT NOT NULL, 
	suppressed_until_ms BIGINT, 
	quality TEXT NOT NULL, 
	assigned VARCHAR(36), 
	next_timer_ms BIGINT, 
	reset_ms BIGINT, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_alarm PRIMARY KEY (id)
);
INSERT INTO "alarm" VALUES('282e637e-4f45-4581-8d76-d88fcfabf715','shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee','LG-1','internal','high','returned',2,1767607200000,1767616800000,1767616200000,11250,5000,8000,'["warm", "warm-in-all", "outside-high", "pre-alarm-high"]','["191a500f-2029-4696-a2b2-d5b6677f633e"]',0,0,0,NULL,2,'returned',1767608100400,NULL,NULL,NULL,NULL,'none',NULL,'good',NULL,NULL,NULL,7);
CREATE TABLE alarm_event (
	id INTEGER NOT NULL, 
	alarm VARCHAR(36) NOT NULL, 
	at_ms BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	who TEXT, 
	body JSON NOT NULL, 
	CONSTRAINT pk_alarm_event PRIMARY KEY (id), 
	CONSTRAINT fk_alarm_event_alarm FOREIGN KEY(alarm) REFERENCES alarm (id)
);
INSERT INTO "alarm_event" VALUES(1,'282e637e-4f45-4581-8d76-d88fcfabf715',1767608100400,'not_told',NULL,'{"reason": "recorded_only", "condition": "active", "severity": "minor", "monitoring_ended": false}');
INSERT INTO "alarm_event" VALUES(2,'282e637e-4f45-4581-8d76-d88fcfabf715',1767609000400,'raised',NULL,'{"occasion": 1, "told": [{"person": "48f164e2-79c4-4e90-90cc-b0cc1553c159", "channel": "email", "outbox": "a2e5b4b9-e28f-41c5-85d6-fd097a32f53c", "verified": false}, {"person": "48f164e2-79c4-4e90-90cc-b0cc1553c159", "channel": "sms", "outbox": "318d9c8c-32d3-4459-bce0-6205166dd63f", "verified": false}], "waiting": 0, "reopened": false, "severity": 2, "condition": "active", "onset_ms": 1767607200000, "end_ms": null, "peak_mc": 11250, "value_mc": 11250, "limit_mc": 8000, "late": false, "refuted": false, "monitoring_ended": false}');
INSERT INTO "alarm_event" VALUES(3,'282e637e-4f45-4581-8d76-d88fcfabf715',1767616200400,'not_told',NULL,'{"reason": "nothing_new", "condition": "returning", "severity": "major", "monitoring_ended": false}');
INSERT INTO "alarm_event" VALUES(4,'282e637e-4f45-4581-8d76-d88fcfabf715',1767616800400,'returned',NULL,'{"occasion": 2, "told": [{"person": "48f164e2-79c4-4e90-90cc-b0cc1553c159", "channel": "email", "outbox": "e95ea074-d222-4792-901b-744b5b376f0f", "verified": false}, {"person": "48f164e2-79c4-4e90-90cc-b0cc1553c159", "channel": "sms", "outbox": "55de1c97-ac7b-4406-975d-f0b8d2fe7013", "verified": false}], "waiting": 0, "reopened": false, "severity": 2, "condition": "returned", "onset_ms": 1767607200000, "end_ms": 1767616200000, "peak_mc": 11250, "value_mc": 5500, "limit_mc": 8000, "late": false, "refuted": false, "monitoring_ended": false}');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE api_key (
	id VARCHAR(36) NOT NULL, 
	name TEXT NOT NULL, 
	role TEXT NOT NULL, 
	key_hash VARCHAR(64) NOT NULL, 
	scope_customer TEXT, 
	scope_carrier TEXT, 
	created_ms BIGINT NOT NULL, 
	last_used_ms BIGINT, 
	revoked_ms BIGINT, 
	CONSTRAINT pk_api_key PRIMARY KEY (id), 
	CONSTRAINT uq_api_key_key_hash UNIQUE (key_hash)
);
INSERT INTO "api_key" VALUES('2c5536f8-2b71-4038-b026-35d0efb17c67','erp','viewer','698e99ed6b856d8ee19c27ddb84af6c3000abaa991be40de04befa71087e2fc0',NULL,NULL,1767571200000,NULL,NULL);
CREATE TABLE audit (
	number INTEGER NOT NULL, 
	at_ms BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	action TEXT NOT NULL, 
	object_kind TEXT NOT NULL, 
	object_id TEXT NOT NULL, 
	old JSON, 
	new JSON, 
	reason TEXT, 
	previous VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (number)
);
INSERT INTO "audit" VALUES(1,1767571200000,'system','product_profile.added','product_profile','below-25@1','null','{"id": "below-25", "version": 1, "name": "EU label: do not store above 25 \u00b0C", "storage_class": "below_25", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"high_c": 25}, "alarm_profile": {"id": "below 25 EU", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 25, "severity": "major", "hold_min": 30}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}','shipped with the product, a proposal','0000000000000000000000000000000000000000000000000000000000000000','d0630eed9fcb8a96cc9a655d6c9507ca08d890eca8ffc5ec90a85f774ea5e106');
INSERT INTO "audit" VALUES(2,1767571200000,'system','product_profile.added','product_profile','below-30@1','null','{"id": "below-30", "version": 1, "name": "EU label: do not store above 30 \u00b0C", "storage_class": "below_30", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"high_c": 30}, "alarm_profile": {"id": "below 30 EU", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 30, "severity": "major", "hold_min": 30}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}','shipped with the product, a proposal','d0630eed9fcb8a96cc9a655d6c9507ca08d890eca8ffc5ec90a85f774ea5e106','612268fb1ec525b891815c382ec3a460555d52a39c1903eb31a5a9d68ed6ec70');
INSERT INTO "audit" VALUES(3,1767571200000,'system','product_profile.added','product_profile','cct-2-8@1','null','{"id": "cct-2-8", "version": 1, "name": "Controlled cold temperature 2\u20138 \u00b0C", "storage_class": "cct", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": 2, "high_c": 8}, "stability_budget": [{"low_c": 8, "high_c": 15, "allowed_h": 24}], "mkt_windows": [{"id": "24h", "length_h": 24, "limit_c": 8}], "alarm_profile": {"id": "2-8 standard", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "pre-alarm-high", "kind": "consecutive", "direction": "high", "limit_c": 7, "severity": "info", "hold_min": 15}, {"id": "pre-alarm-low", "kind": "consecutive", "direction": "low", "limit_c": 3, "severity": "info", "hold_min": 15}, {"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 8, "severity": "minor", "hold_min": 10}, {"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": 2, "severity": "minor", "hold_min": 10}, {"id": "warm", "kind": "consecutive", "direction": "high", "limit_c": 8, "hold_min": 30, "severity": "major"}, {"id": "warm-in-all", "kind": "cumulative", "direction": "high", "limit_c": 8, "hold_min": 60, "severity": "major"}, {"id": "hot", "kind": "instant", "direction": "high", "limit_c": 15, "inclusive": true, "confirm_readings": 2, "severity": "critical"}, {"id": "mkt-headroom", "kind": "mkt_headroom_below", "below_h": 2, "severity": "critical"}, {"id": "budget-low", "kind": "budget_below", "below_pct": 25, "severity": "critical"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}','shipped with the product, a proposal','612268fb1ec525b891815c382ec3a460555d52a39c1903eb31a5a9d68ed6ec70','10f53e37dc4a7e29c2f43faa1a572eb7e2ca265934ab4f7e9085854ceece9434');
INSERT INTO "audit" VALUES(4,1767571200000,'system','product_profile.added','product_profile','crt-20-25@1','null','{"id": "crt-20-25", "version": 1, "name": "Controlled room temperature 20\u201325 \u00b0C", "storage_class": "crt", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": 20, "high_c": 25}, "stability_budget": [{"low_c": 15, "high_c": 20}, {"low_c": 25, "high_c": 30}, {"low_c": 30, "high_c": 40, "allowed_h": 24}], "mkt_windows": [{"id": "30d", "length_d": 30, "limit_c": 25}], "alarm_profile": {"id": "CRT 20-25", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 25, "severity": "minor", "hold_min": 60}, {"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": 20, "severity": "minor", "hold_min": 60}, {"id": "beyond-high", "kind": "consecutive", "direction": "high", "limit_c": 30, "severity": "major", "hold_min": 30}, {"id": "beyond-low", "kind": "consecutive", "direction": "low", "limit_c": 15, "severity": "major", "hold_min": 30}, {"id": "hot", "kind": "instant", "direction": "high", "limit_c": 40, "confirm_readings": 2, "severity": "critical"}, {"id": "hot-for-a-day", "kind": "consecutive", "direction": "high", "limit_c": 30, "hold_h": 24, "severity": "critical"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}','shipped with the product, a proposal','10f53e37dc4a7e29c2f43faa1a572eb7e2ca265934ab4f7e9085854ceece9434','6b5c5629893035fa748b3fa6ea5a849afe04011bffdc0602d3a68868cac4a5f6');
INSERT INTO "audit" VALUES(5,1767571200000,'system','product_profile.added','product_profile','eu-15-25@1','null','{"id": "eu-15-25", "version": 1, "name": "EU label 15\u201325 \u00b0C", "storage_class": "eu_15_25", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": 15, "high_c": 25}, "alarm_profile": {"id": "15-25 EU", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 25, "severity": "major", "hold_min": 30}, {"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": 15, "severity": "major", "hold_min": 30}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}','shipped with the product, a proposal','6b5c5629893035fa748b3fa6ea5a849afe04011bffdc0602d3a68868cac4a5f6','16591bc12d31c3cb1792ee957089d5f7464742b1c215d30e2fa9d16103c34fe6');
INSERT INTO "audit" VALUES(6,1767571200000,'system','product_profile.added','product_profile','frozen-25-15@1','null','{"id": "frozen-25-15", "version": 1, "name": "Frozen \u221225\u2026\u221215 \u00b0C", "storage_class": "freezer", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": -25, "high_c": -15}, "alarm_profile": {"id": "frozen -25\u2026-15", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": -25, "severity": "minor", "hold_min": 60}, {"id": "warm", "kind": "consecutive", "direction": "high", "limit_c": -15, "hold_min": 15, "severity": "major"}, {"id": "thawing", "kind": "instant", "direction": "high", "limit_c": -10, "confirm_readings": 2, "severity": "critical"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}','shipped with the product, a proposal','16591bc12d31c3cb1792ee957089d5f7464742b1c215d30e2fa9d16103c34fe6','cb9b83a21cbb7fa5c92dccfcc40626ebfc0321f18331ed347a336806b68e7c37');
INSERT INTO "audit" VALUES(7,1767571200000,'system','product_profile.added','product_profile','refrigerated-2-8-freeze-sensitive@1','null','{"id": "refrigerated-2-8-freeze-sensitive", "version": 1, "name": "Refrigerated 2\u20138 \u00b0C, freeze-sensitive", "storage_class": "refrigerated", "proposal": true, "freeze_sensitive": true, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": 2, "high_c": 8}, "alarm_profile": {"id": "2-8 freeze-sensitive", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "pre-alarm-high", "kind": "consecutive", "direction": "high", "limit_c": 7, "severity": "info", "hold_min": 15}, {"id": "pre-alarm-low", "kind": "consecutive", "direction": "low", "limit_c": 3, "severity": "info", "hold_min": 15}, {"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 8, "severity": "minor", "hold_min": 10}, {"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": 2, "severity": "minor", "hold_min": 10}, {"id": "warm", "kind": "consecutive", "direction": "high", "limit_c": 8, "hold_min": 30, "severity": "major"}, {"id": "warm-in-all", "kind": "cumulative", "direction": "high", "limit_c": 8, "hold_min": 60, "severity": "major"}, {"id": "hot", "kind": "instant", "direction": "high", "limit_c": 15, "inclusive": true, "confirm_readings": 2, "severity": "critical"}, {"id": "near-freezing", "kind": "instant", "direction": "low", "limit_c": 0, "inclusive": true, "severity": "minor"}, {"id": "freezing", "kind": "instant", "direction": "low", "limit_c": 0, "inclusive": true, "confirm_readings": 2, "severity": "major"}, {"id": "frozen", "kind": "consecutive", "direction": "low", "limit_c": -0.5, "inclusive": true, "hold_min": 60, "severity": "critical"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}','shipped with the product, a proposal','cb9b83a21cbb7fa5c92dccfcc40626ebfc0321f18331ed347a336806b68e7c37','89f4c169f401b025f7c34ab55ecfe40377739089b8c9f4f5fa8cdc1b2af03376');
INSERT INTO "audit" VALUES(8,1767571200000,'system','product_profile.added','product_profile','refrigerated-2-8@1','null','{"id": "refrigerated-2-8", "version": 1, "name": "Refrigerated 2\u20138 \u00b0C", "storage_class": "refrigerated", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": 2, "high_c": 8}, "alarm_profile": {"id": "2-8 standard", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "pre-alarm-high", "kind": "consecutive", "direction": "high", "limit_c": 7, "severity": "info", "hold_min": 15}, {"id": "pre-alarm-low", "kind": "consecutive", "direction": "low", "limit_c": 3, "severity": "info", "hold_min": 15}, {"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 8, "severity": "minor", "hold_min": 10}, {"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": 2, "severity": "minor", "hold_min": 10}, {"id": "warm", "kind": "consecutive", "direction": "high", "limit_c": 8, "hold_min": 30, "severity": "major"}, {"id": "warm-in-all", "kind": "cumulative", "direction": "high", "limit_c": 8, "hold_min": 60, "severity": "major"}, {"id": "hot", "kind": "instant", "direction": "high", "limit_c": 15, "inclusive": true, "confirm_readings": 2, "severity": "critical"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}','shipped with the product, a proposal','89f4c169f401b025f7c34ab55ecfe40377739089b8c9f4f5fa8cdc1b2af03376','7a4729aabcc02812b7da4407769c4ae985cc917771a7d79d3868e9774189f752');
INSERT INTO "audit" VALUES(9,1767571200000,'system','product_profile.added','product_profile','ultra-low@1','null','{"id": "ultra-low", "version": 1, "name": "Ultra-low \u221290\u2026\u221260 \u00b0C", "storage_class": "ultra_low", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": -90, "high_c": -60}, "alarm_profile": {"id": "ultra-low", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "warm", "kind": "consecutive", "direction": "high", "limit_c": -60, "hold_min": 10, "severity": "critical"}, {"id": "dry-ice-slope", "kind": "rate", "direction": "high", "limit_c_per_h": 5, "window": {"length_h": 1}, "severity": "minor"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}','shipped with the product, a proposal','7a4729aabcc02812b7da4407769c4ae985cc917771a7d79d3868e9774189f752','0f2fe238b4e2008bf4597718c291130a20c3d7408c58d4a38a306866d52ccaba');
INSERT INTO "audit" VALUES(10,1767571200000,'system','fact.profile.added','fact','1','null','{"subject_kind": "shipment", "subject_id": "69a9f175-f229-41b2-9dc2-083c9eea3cee", "logger": null, "kind": "profile", "body": {"id": "refrigerated-2-8", "version": 1}, "valid_from_ms": 0, "valid_to_ms": null}',NULL,'0f2fe238b4e2008bf4597718c291130a20c3d7408c58d4a38a306866d52ccaba','cbddefc13fa607888ea71227f33863017db3f4c9f602e0bf41eeb94afe0316e4');
INSERT INTO "audit" VALUES(11,1767571200000,'system','shipment created','shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee','null','{"reference": "OLD-1", "customer": "Nordvax", "consignor": null, "consignee": null, "carrier": null, "origin": null, "destination": null, "lane": "MUC \u2192 LIS", "planned_departure_ms": null, "planned_arrival_ms": null, "product_profile": "refrigerated-2-8@1", "batches": []}',NULL,'cbddefc13fa607888ea71227f33863017db3f4c9f602e0bf41eeb94afe0316e4','6b86f2d7ddf347ac423b9fcc83a8c151176b06f99739d9382a2508ee119d8c06');
INSERT INTO "audit" VALUES(12,1767571200000,'test','fact.binding.added','fact','2','null','{"subject_kind": "shipment", "subject_id": "69a9f175-f229-41b2-9dc2-083c9eea3cee", "logger": "LG-1", "kind": "binding", "body": {"logger": "LG-1", "channels": null, "role": "product"}, "valid_from_ms": 1767571200000, "valid_to_ms": null}',NULL,'6b86f2d7ddf347ac423b9fcc83a8c151176b06f99739d9382a2508ee119d8c06','fa06d31daa20f0fff17bf9695938c397944dfd07b6b8cfd6f5e23bec39e6706d');
INSERT INTO "audit" VALUES(13,1767571200000,'test','fact.interval.added','fact','3','null','{"subject_kind": null, "subject_id": null, "logger": "LG-1", "kind": "interval", "body": {"interval_ms": 300000, "source": "declared"}, "valid_from_ms": 0, "valid_to_ms": null}',NULL,'fa06d31daa20f0fff17bf9695938c397944dfd07b6b8cfd6f5e23bec39e6706d','36274d8928fda10937634806ea9be7e15d5127adfb48e80fa32697408ba5a403');
INSERT INTO "audit" VALUES(14,1767571200000,'test','person created','person','48f164e2-79c4-4e90-90cc-b0cc1553c159','null','{"role": "operator", "zone": "UTC", "language": "en", "on_call": true, "scope_customer": null, "scope_carrier": null, "expires_ms": null}',NULL,'36274d8928fda10937634806ea9be7e15d5127adfb48e80fa32697408ba5a403','3a1f3466379e596d2cb19a9c5b1fb51cf3dbd4986fb6f1b2dc49b51e9e36c7a0');
INSERT INTO "audit" VALUES(15,1767571200000,'test','api key created','api_key','2c5536f8-2b71-4038-b026-35d0efb17c67','null','{"name": "erp", "role": "viewer", "scope_customer": null, "scope_carrier": null}',NULL,'3a1f3466379e596d2cb19a9c5b1fb51cf3dbd4986fb6f1b2dc49b51e9e36c7a0','81127754c831e86fb6de1872148be2da2bc6dcf52ea64aa0d6a1811aee579592');
INSERT INTO "audit" VALUES(16,1767571200400,'ingest','journal.seen','logger','LG-1','null','{"offset": 2, "at": "2026-01-05T00:00:00.400Z", "detail": "first message of LG-1"}',NULL,'81127754c831e86fb6de1872148be2da2bc6dcf52ea64aa0d6a1811aee579592','8d0c45e35e9075b9b0fb5854d576bc67246d21540939abdf10f4681d727609d8');
INSERT INTO "audit" VALUES(17,1767607200400,'engine','excursion.recorded','excursion','191a500f-2029-4696-a2b2-d5b6677f633e','null','{"subject": "shipment/69a9f175-f229-41b2-9dc2-083c9eea3cee", "logger": "LG-1", "channel": "internal", "direction": "high", "onset": "2026-01-05T09:57:24.000Z", "end": null, "duration_ms": 156000, "peak_mc": 11250, "severity": "info", "monitoring_ended": false}',NULL,'8d0c45e35e9075b9b0fb5854d576bc67246d21540939abdf10f4681d727609d8','13b115b146afd5826c039bfbae215cc700b2834c03305f12cfbe89d1efc48db1');
INSERT INTO "audit" VALUES(18,1767608100400,'engine','excursion.worsened','excursion','191a500f-2029-4696-a2b2-d5b6677f633e','{"logger": "LG-1", "channel": "internal", "direction": "high", "onset": "2026-01-05T09:57:24.000Z", "end": null, "duration_ms": 156000, "peak_mc": 11250, "severity": "info", "monitoring_ended": false}','{"subject": "shipment/69a9f175-f229-41b2-9dc2-083c9eea3cee", "logger": "LG-1", "channel": "internal", "direction": "high", "onset": "2026-01-05T09:57:24.000Z", "end": null, "duration_ms": 1056000, "peak_mc": 11250, "severity": "minor", "monitoring_ended": false}',NULL,'13b115b146afd5826c039bfbae215cc700b2834c03305f12cfbe89d1efc48db1','6c74643c50b69a61e94b1987fa38d41931bf967993e7dd6c75918cb3d77e8b63');
INSERT INTO "audit" VALUES(19,1767608100400,'engine','alarm.raised','alarm','282e637e-4f45-4581-8d76-d88fcfabf715','null','{"subject": "shipment/69a9f175-f229-41b2-9dc2-083c9eea3cee", "logger": "LG-1", "channel": "internal", "cause": "high", "condition": "active", "severity": "minor", "onset": "2026-01-05T10:00:00.000Z", "rules": ["outside-high", "pre-alarm-high"], "monitoring_ended": false}',NULL,'6c74643c50b69a61e94b1987fa38d41931bf967993e7dd6c75918cb3d77e8b63','6f234fb03d9b92cb225c9d13d2eea59bd32635673da95e7012ec7230dbe860d1');
INSERT INTO "audit" VALUES(20,1767609000400,'engine','excursion.worsened','excursion','191a500f-2029-4696-a2b2-d5b6677f633e','{"logger": "LG-1", "channel": "internal", "direction": "high", "onset": "2026-01-05T09:57:24.000Z", "end": null, "duration_ms": 1056000, "peak_mc": 11250, "severity": "minor", "monitoring_ended": false}','{"subject": "shipment/69a9f175-f229-41b2-9dc2-083c9eea3cee", "logger": "LG-1", "channel": "internal", "direction": "high", "onset": "2026-01-05T09:57:24.000Z", "end": null, "duration_ms": 1956000, "peak_mc": 11250, "severity": "major", "monitoring_ended": false}',NULL,'6f234fb03d9b92cb225c9d13d2eea59bd32635673da95e7012ec7230dbe860d1','f04e5c62ff8145c7aa3a36471949680c7dce6e1d9d6b6793a5c9a51b9978348e');
INSERT INTO "audit" VALUES(21,1767609000400,'engine','alarm.worsened','alarm','282e637e-4f45-4581-8d76-d88fcfabf715','{"logger": "LG-1", "channel": "internal", "cause": "high", "condition": "active", "severity": "minor", "onset": "2026-01-05T10:00:00.000Z", "rules": ["outside-high", "pre-alarm-high"], "monitoring_ended": false}','{"subject": "shipment/69a9f175-f229-41b2-9dc2-083c9eea3cee", "logger": "LG-1", "channel": "internal", "cause": "high", "condition": "active", "severity": "major", "onset": "2026-01-05T10:00:00.000Z", "rules": ["warm", "outside-high", "pre-alarm-high"], "monitoring_ended": false}',NULL,'f04e5c62ff8145c7aa3a36471949680c7dce6e1d9d6b6793a5c9a51b9978348e','7b0d1d97966ccb39a00169171566a6a827b13885a5c90ef0ed204f18434910d5');
INSERT INTO "audit" VALUES(22,1767616200400,'engine','excursion.ended','excursion','191a500f-2029-4696-a2b2-d5b6677f633e','{"logger": "LG-1", "channel": "internal", "direction": "high", "onset": "2026-01-05T09:57:24.000Z", "end": null, "duration_ms": 1956000, "peak_mc": 11250, "severity": "major", "monitoring_ended": false}','{"subject": "shipment/69a9f175-f229-41b2-9dc2-083c9eea3cee", "logger": "LG-1", "channel": "internal", "direction": "high", "onset": "2026-01-05T09:57:24.000Z", "end": "2026-01-05T12:27:49.565Z", "duration_ms": 9025565, "peak_mc": 11250, "severity": "major", "monitoring_ended": false}',NULL,'7b0d1d97966ccb39a00169171566a6a827b13885a5c90ef0ed204f18434910d5','cf19436675659d245795efca880fce4049b05f2e066eef554a4ee9ce0e3aef24');
INSERT INTO "audit" VALUES(23,1767616200400,'engine','alarm.returning','alarm','282e637e-4f45-4581-8d76-d88fcfabf715','{"logger": "LG-1", "channel": "internal", "cause": "high", "condition": "active", "severity": "major", "onset": "2026-01-05T10:00:00.000Z", "rules": ["warm", "warm-in-all", "outside-high", "pre-alarm-high"], "monitoring_ended": false}','{"subject": "shipment/69a9f175-f229-41b2-9dc2-083c9eea3cee", "logger": "LG-1", "channel": "internal", "cause": "high", "condition": "returning", "severity": "major", "onset": "2026-01-05T10:00:00.000Z", "rules": ["warm", "warm-in-all", "outside-high", "pre-alarm-high"], "monitoring_ended": false}',NULL,'cf19436675659d245795efca880fce4049b05f2e066eef554a4ee9ce0e3aef24','54271c68153ece9f95b011ca38bd338b7bfc67c1035568a5760b4bfd09627c40');
INSERT INTO "audit" VALUES(24,1767616800400,'engine','alarm.returned','alarm','282e637e-4f45-4581-8d76-d88fcfabf715','{"logger": "LG-1", "channel": "internal", "cause": "high", "condition": "returning", "severity": "major", "onset": "2026-01-05T10:00:00.000Z", "rules": ["warm", "warm-in-all", "outside-high", "pre-alarm-high"], "monitoring_ended": false}','{"subject": "shipment/69a9f175-f229-41b2-9dc2-083c9eea3cee", "logger": "LG-1", "channel": "internal", "cause": "high", "condition": "returned", "severity": "major", "onset": "2026-01-05T10:00:00.000Z", "rules": ["warm", "warm-in-all", "outside-high", "pre-alarm-high"], "monitoring_ended": false}',NULL,'54271c68153ece9f95b011ca38bd338b7bfc67c1035568a5760b4bfd09627c40','f031dff27451642e394c4f3ba4275e69cb1bdbc4248ac2d17b34682f8c736dea');
CREATE TABLE batch (
	id VARCHAR(36) NOT NULL, 
	shipment VARCHAR(36) NOT NULL, 
	batch TEXT NOT NULL, 
	gtin TEXT, 
	CONSTRAINT pk_batch PRIMARY KEY (id), 
	CONSTRAINT fk_batch_shipment FOREIGN KEY(shipment) REFERENCES shipment (id)
);
CREATE TABLE breach (
	id INTEGER NOT NULL, 
	subject_kind TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	logger TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	cause TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	severity INTEGER NOT NULL, 
	fired_ms BIGINT NOT NULL, 
	excursion VARCHAR(36), 
	alarm VARCHAR(36), 
	recorded_ms BIGINT NOT NULL, 
	superseded BOOLEAN NOT NULL, 
	CONSTRAINT pk_breach PRIMARY KEY (id)
);
INSERT INTO "breach" VALUES(1,'shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee','LG-1','internal','high','outside-high',1,1767608100000,'191a500f-2029-4696-a2b2-d5b6677f633e','282e637e-4f45-4581-8d76-d88fcfabf715',1767608100400,0);
INSERT INTO "breach" VALUES(2,'shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee','LG-1','internal','high','pre-alarm-high',0,1767608100000,'191a500f-2029-4696-a2b2-d5b6677f633e','282e637e-4f45-4581-8d76-d88fcfabf715',1767608100400,0);
INSERT INTO "breach" VALUES(3,'shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee','LG-1','internal','high','warm',2,1767609000000,'191a500f-2029-4696-a2b2-d5b6677f633e','282e637e-4f45-4581-8d76-d88fcfabf715',1767609000400,0);
INSERT INTO "breach" VALUES(4,'shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee','LG-1','internal','high','warm-in-all',2,1767610800000,'191a500f-2029-4696-a2b2-d5b6677f633e','282e637e-4f45-4581-8d76-d88fcfabf715',1767610800400,0);
CREATE TABLE calibration (
	id VARCHAR(36) NOT NULL, 
	logger TEXT NOT NULL, 
	certificate TEXT NOT NULL, 
	laboratory TEXT, 
	calibrated_ms BIGINT NOT NULL, 
	due_ms BIGINT NOT NULL, 
	body JSON NOT NULL, 
	recorded_ms BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	CONSTRAINT pk_calibration PRIMARY KEY (id), 
	CONSTRAINT fk_calibration_logger FOREIGN KEY(logger) REFERENCES logger (id)
);
CREATE TABLE cursor (
	name TEXT NOT NULL, 
	journal_offset BIGINT NOT NULL, 
	notice_offset BIGINT NOT NULL, 
	moved_ms BIGINT NOT NULL, 
	CONSTRAINT pk_cursor PRIMARY KEY (name)
);
INSERT INTO "cursor" VALUES('engine',1249,2,1767758100400);
CREATE TABLE delivery_attempt (
	id INTEGER NOT NULL, 
	outbox VARCHAR(36) NOT NULL, 
	started_ms BIGINT NOT NULL, 
	finished_ms BIGINT, 
	outcome TEXT, 
	code TEXT, 
	detail TEXT, 
	CONSTRAINT pk_delivery_attempt PRIMARY KEY (id), 
	CONSTRAINT fk_delivery_attempt_outbox FOREIGN KEY(outbox) REFERENCES outbox (id)
);
CREATE TABLE dirty (
	id INTEGER NOT NULL, 
	subject_kind TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	from_ms BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	recorded_ms BIGINT NOT NULL, 
	CONSTRAINT pk_dirty PRIMARY KEY (id)
);
CREATE TABLE excursion (
	id VARCHAR(36) NOT NULL, 
	version INTEGER NOT NULL, 
	subject_kind TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	logger TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	direction TEXT NOT NULL, 
	onset_ms BIGINT NOT NULL, 
	onset_sample_ms BIGINT NOT NULL, 
	end_ms BIGINT, 
	duration_ms BIGINT NOT NULL, 
	duration_upper_ms BIGINT NOT NULL, 
	peak_mc BIGINT NOT NULL, 
	peak_ms BIGINT NOT NULL, 
	area_mc_ms TEXT NOT NULL, 
	limit_mc BIGINT NOT NULL, 
	severity INTEGER NOT NULL, 
	late BOOLEAN NOT NULL, 
	amends TEXT, 
	merged_into TEXT, 
	latitude_e7 BIGINT, 
	longitude_e7 BIGINT, 
	peak_latitude_e7 BIGINT, 
	peak_longitude_e7 BIGINT, 
	recorded_ms BIGINT NOT NULL, 
	superseded BOOLEAN NOT NULL, 
	withdrawn BOOLEAN NOT NULL, 
	monitoring_ended BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_excursion PRIMARY KEY (id, version)
);
INSERT INTO "excursion" VALUES('191a500f-2029-4696-a2b2-d5b6677f633e',1,'shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee','LG-1','internal','high',1767607044000,1767607200000,NULL,156000,156000,11250,1767607200000,'253500000',8000,0,0,NULL,NULL,NULL,NULL,NULL,NULL,1767607200400,1,0,0);
INSERT INTO "excursion" VALUES('191a500f-2029-4696-a2b2-d5b6677f633e',2,'shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee','LG-1','internal','high',1767607044000,1767607200000,NULL,1056000,1056000,11250,1767607200000,'3178500000',8000,1,0,NULL,NULL,NULL,NULL,NULL,NULL,1767608100400,1,0,0);
INSERT INTO "excursion" VALUES('191a500f-2029-4696-a2b2-d5b6677f633e',3,'shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee','LG-1','internal','high',1767607044000,1767607200000,NULL,1956000,1956000,11250,1767607200000,'6103500000',8000,2,0,NULL,NULL,NULL,NULL,NULL,NULL,1767609000400,1,0,0);
INSERT INTO "excursion" VALUES('191a500f-2029-4696-a2b2-d5b6677f633e',4,'shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee','LG-1','internal','high',1767607044000,1767607200000,1767616069565,9025565,9025565,11250,1767607200000,'28804043478',8000,2,0,NULL,NULL,NULL,NULL,NULL,NULL,1767616200400,0,0,0);
CREATE TABLE export (
	id VARCHAR(36) NOT NULL, 
	kind TEXT NOT NULL, 
	who TEXT NOT NULL, 
	scope JSON NOT NULL, 
	started_ms BIGINT NOT NULL, 
	finished_ms BIGINT, 
	rows BIGINT, 
	sha256 VARCHAR(64), 
	failure TEXT, 
	CONSTRAINT pk_export PRIMARY KEY (id)
);
CREATE TABLE fact (
	id INTEGER NOT NULL, 
	subject_kind TEXT, 
	subject_id TEXT, 
	logger TEXT, 
	kind TEXT NOT NULL, 
	body JSON NOT NULL, 
	valid_from_ms BIGINT NOT NULL, 
	valid_to_ms BIGINT, 
	recorded_ms BIGINT NOT NULL, 
	superseded_by BIGINT, 
	superseded_ms BIGINT, 
	who TEXT NOT NULL, 
	reason TEXT, 
	CONSTRAINT pk_fact PRIMARY KEY (id)
);
INSERT INTO "fact" VALUES(1,'shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee',NULL,'profile','{"id": "refrigerated-2-8", "version": 1}',0,NULL,1767571200000,NULL,NULL,'system',NULL);
INSERT INTO "fact" VALUES(2,'shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee','LG-1','binding','{"logger": "LG-1", "channels": null, "role": "product"}',1767571200000,NULL,1767571200000,NULL,NULL,'test',NULL);
INSERT INTO "fact" VALUES(3,NULL,NULL,'LG-1','interval','{"interval_ms": 300000, "source": "declared"}',0,NULL,1767571200000,NULL,NULL,'test',NULL);
CREATE TABLE file_import (
	sha256 VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	format TEXT, 
	zone TEXT, 
	state TEXT NOT NULL, 
	report JSON NOT NULL, 
	content BLOB NOT NULL, 
	recorded_ms BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	CONSTRAINT pk_file_import PRIMARY KEY (sha256)
);
CREATE TABLE lease (
	name TEXT NOT NULL, 
	holder TEXT NOT NULL, 
	fence BIGINT NOT NULL, 
	until_ms BIGINT NOT NULL, 
	CONSTRAINT pk_lease PRIMARY KEY (name)
);
INSERT INTO "lease" VALUES('engine','first/pid:[4026531836]:28331:17201545438915',1,1767758130400);
CREATE TABLE logger (
	id TEXT NOT NULL, 
	device_profile TEXT, 
	model TEXT, 
	serial TEXT, 
	note TEXT, 
	mqtt_password_hash VARCHAR(64), 
	created_ms BIGINT NOT NULL, 
	retired_ms BIGINT, 
	CONSTRAINT pk_logger PRIMARY KEY (id)
);
CREATE TABLE milestone (
	id VARCHAR(36) NOT NULL, 
	shipment VARCHAR(36) NOT NULL, 
	kind TEXT NOT NULL, 
	mode TEXT, 
	name TEXT NOT NULL, 
	custodian TEXT, 
	latitude_e7 BIGINT, 
	longitude_e7 BIGINT, 
	planned_ms BIGINT, 
	happened_ms BIGINT, 
	recorded_ms BIGINT NOT NULL, 
	CONSTRAINT pk_milestone PRIMARY KEY (id), 
	CONSTRAINT fk_milestone_shipment FOREIGN KEY(shipment) REFERENCES shipment (id)
);
CREATE TABLE outbox (
	id VARCHAR(36) NOT NULL, 
	alarm VARCHAR(36) NOT NULL, 
	occasion INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	step INTEGER NOT NULL, 
	recipient VARCHAR(36) NOT NULL, 
	channel TEXT NOT NULL, 
	address TEXT NOT NULL, 
	state TEXT NOT NULL, 
	content JSON NOT NULL, 
	attempts INTEGER NOT NULL, 
	possible_repeat BOOLEAN NOT NULL, 
	next_due_ms BIGINT, 
	lease_holder TEXT, 
	lease_until_ms BIGINT, 
	fence BIGINT NOT NULL, 
	provider_id TEXT, 
	message_id TEXT, 
	created_ms BIGINT NOT NULL, 
	accepted_ms BIGINT, 
	delivered_ms BIGINT, 
	CONSTRAINT pk_outbox PRIMARY KEY (id), 
	CONSTRAINT uq_outbox_alarm_occasion_step_recipient_channel UNIQUE (alarm, occasion, step, recipient, channel), 
	CONSTRAINT fk_outbox_alarm FOREIGN KEY(alarm) REFERENCES alarm (id), 
	CONSTRAINT fk_outbox_recipient FOREIGN KEY(recipient) REFERENCES person (id)
);
INSERT INTO "outbox" VALUES('a2e5b4b9-e28f-41c5-85d6-fd097a32f53c','282e637e-4f45-4581-8d76-d88fcfabf715',1,'raised',0,'48f164e2-79c4-4e90-90cc-b0cc1553c159','email','olivia@example.org','queued','{"reason": "raised", "as_of_ms": 1767609000400, "reader": {"id": "48f164e2-79c4-4e90-90cc-b0cc1553c159", "name": "Olivia Brandt", "zone": "UTC", "language": "en", "verified": false, "may_acknowledge": true}, "alarms": [{"alarm": "282e637e-4f45-4581-8d76-d88fcfabf715", "subject": {"kind": "shipment", "id": "69a9f175-f229-41b2-9dc2-083c9eea3cee", "label": "OLD-1", "detail": "MUC \u2192 LIS", "product": "Refrigerated 2\u20138 \u00b0C", "zone": "UTC", "latitude_e7": null, "longitude_e7": null}, "cause": "high", "condition": "active", "severity": 2, "onset_ms": 1767607200000, "logger": "LG-1", "channel": "internal", "end_ms": null, "value_mc": 11250, "peak_mc": 11250, "limit_mc": 8000, "rules": ["warm", "outside-high", "pre-alarm-high"], "late": false, "monitoring_ended": false}], "digest": false, "number": 1}',0,0,1767609000400,NULL,NULL,0,NULL,NULL,1767609000400,NULL,NULL);
INSERT INTO "outbox" VALUES('318d9c8c-32d3-4459-bce0-6205166dd63f','282e637e-4f45-4581-8d76-d88fcfabf715',1,'raised',0,'48f164e2-79c4-4e90-90cc-b0cc1553c159','sms','+4915100000001','queued','{"reason": "raised", "as_of_ms": 1767609000400, "reader": {"id": "48f164e2-79c4-4e90-90cc-b0cc1553c159", "name": "Olivia Brandt", "zone": "UTC", "language": "en", "verified": false, "may_acknowledge": true}, "alarms": [{"alarm": "282e637e-4f45-4581-8d76-d88fcfabf715", "subject": {"kind": "shipment", "id": "69a9f175-f229-41b2-9dc2-083c9eea3cee", "label": "OLD-1", "detail": "MUC \u2192 LIS", "product": "Refrigerated 2\u20138 \u00b0C", "zone": "UTC", "latitude_e7": null, "longitude_e7": null}, "cause": "high", "condition": "active", "severity": 2, "onset_ms": 1767607200000, "logger": "LG-1", "channel": "internal", "end_ms": null, "value_mc": 11250, "peak_mc": 11250, "limit_mc": 8000, "rules": ["warm", "outside-high", "pre-alarm-high"], "late": false, "monitoring_ended": false}], "digest": false, "number": 1}',0,0,1767609000400,NULL,NULL,0,NULL,NULL,1767609000400,NULL,NULL);
INSERT INTO "outbox" VALUES('e95ea074-d222-4792-901b-744b5b376f0f','282e637e-4f45-4581-8d76-d88fcfabf715',2,'returned',0,'48f164e2-79c4-4e90-90cc-b0cc1553c159','email','olivia@example.org','queued','{"reason": "returned", "as_of_ms": 1767616800400, "reader": {"id": "48f164e2-79c4-4e90-90cc-b0cc1553c159", "name": "Olivia Brandt", "zone": "UTC", "language": "en", "verified": false, "may_acknowledge": true}, "alarms": [{"alarm": "282e637e-4f45-4581-8d76-d88fcfabf715", "subject": {"kind": "shipment", "id": "69a9f175-f229-41b2-9dc2-083c9eea3cee", "label": "OLD-1", "detail": "MUC \u2192 LIS", "product": "Refrigerated 2\u20138 \u00b0C", "zone": "UTC", "latitude_e7": null, "longitude_e7": null}, "cause": "high", "condition": "returned", "severity": 2, "onset_ms": 1767607200000, "logger": "LG-1", "channel": "internal", "end_ms": 1767616200000, "value_mc": 5500, "peak_mc": 11250, "limit_mc": 8000, "rules": ["warm", "warm-in-all", "outside-high", "pre-alarm-high"], "late": false, "monitoring_ended": false}], "digest": false, "number": 2}',0,0,1767616800400,NULL,NULL,0,NULL,NULL,1767616800400,NULL,NULL);
INSERT INTO "outbox" VALUES('55de1c97-ac7b-4406-975d-f0b8d2fe7013','282e637e-4f45-4581-8d76-d88fcfabf715',2,'returned',0,'48f164e2-79c4-4e90-90cc-b0cc1553c159','sms','+4915100000001','queued','{"reason": "returned", "as_of_ms": 1767616800400, "reader": {"id": "48f164e2-79c4-4e90-90cc-b0cc1553c159", "name": "Olivia Brandt", "zone": "UTC", "language": "en", "verified": false, "may_acknowledge": true}, "alarms": [{"alarm": "282e637e-4f45-4581-8d76-d88fcfabf715", "subject": {"kind": "shipment", "id": "69a9f175-f229-41b2-9dc2-083c9eea3cee", "label": "OLD-1", "detail": "MUC \u2192 LIS", "product": "Refrigerated 2\u20138 \u00b0C", "zone": "UTC", "latitude_e7": null, "longitude_e7": null}, "cause": "high", "condition": "returned", "severity": 2, "onset_ms": 1767607200000, "logger": "LG-1", "channel": "internal", "end_ms": 1767616200000, "value_mc": 5500, "peak_mc": 11250, "limit_mc": 8000, "rules": ["warm", "warm-in-all", "outside-high", "pre-alarm-high"], "late": false, "monitoring_ended": false}], "digest": false, "number": 2}',0,0,1767616800400,NULL,NULL,0,NULL,NULL,1767616800400,NULL,NULL);
CREATE TABLE person (
	id VARCHAR(36) NOT NULL, 
	email TEXT NOT NULL, 
	name TEXT NOT NULL, 
	phone TEXT, 
	role TEXT NOT NULL, 
	zone TEXT NOT NULL, 
	language TEXT NOT NULL, 
	on_call BOOLEAN NOT NULL, 
	password_hash TEXT, 
	scope_customer TEXT, 
	scope_carrier TEXT, 
	email_verified_ms BIGINT, 
	phone_verified_ms BIGINT, 
	expires_ms BIGINT, 
	disabled_ms BIGINT, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_person PRIMARY KEY (id), 
	CONSTRAINT uq_person_email UNIQUE (email)
);
INSERT INTO "person" VALUES('48f164e2-79c4-4e90-90cc-b0cc1553c159','olivia@example.org','Olivia Brandt','+4915100000001','operator','UTC','en',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1767571200000);
CREATE TABLE product_profile (
	id TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	body JSON NOT NULL, 
	recorded_ms BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	reason TEXT, 
	approved_ms BIGINT, 
	approved_by TEXT, 
	CONSTRAINT pk_product_profile PRIMARY KEY (id, version)
);
INSERT INTO "product_profile" VALUES('below-25',1,'EU label: do not store above 25 °C','{"id": "below-25", "version": 1, "name": "EU label: do not store above 25 \u00b0C", "storage_class": "below_25", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"high_c": 25}, "alarm_profile": {"id": "below 25 EU", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 25, "severity": "major", "hold_min": 30}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}',1767571200000,'system','shipped with the product, a proposal',NULL,NULL);
INSERT INTO "product_profile" VALUES('below-30',1,'EU label: do not store above 30 °C','{"id": "below-30", "version": 1, "name": "EU label: do not store above 30 \u00b0C", "storage_class": "below_30", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"high_c": 30}, "alarm_profile": {"id": "below 30 EU", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 30, "severity": "major", "hold_min": 30}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}',1767571200000,'system','shipped with the product, a proposal',NULL,NULL);
INSERT INTO "product_profile" VALUES('cct-2-8',1,'Controlled cold temperature 2–8 °C','{"id": "cct-2-8", "version": 1, "name": "Controlled cold temperature 2\u20138 \u00b0C", "storage_class": "cct", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": 2, "high_c": 8}, "stability_budget": [{"low_c": 8, "high_c": 15, "allowed_h": 24}], "mkt_windows": [{"id": "24h", "length_h": 24, "limit_c": 8}], "alarm_profile": {"id": "2-8 standard", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "pre-alarm-high", "kind": "consecutive", "direction": "high", "limit_c": 7, "severity": "info", "hold_min": 15}, {"id": "pre-alarm-low", "kind": "consecutive", "direction": "low", "limit_c": 3, "severity": "info", "hold_min": 15}, {"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 8, "severity": "minor", "hold_min": 10}, {"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": 2, "severity": "minor", "hold_min": 10}, {"id": "warm", "kind": "consecutive", "direction": "high", "limit_c": 8, "hold_min": 30, "severity": "major"}, {"id": "warm-in-all", "kind": "cumulative", "direction": "high", "limit_c": 8, "hold_min": 60, "severity": "major"}, {"id": "hot", "kind": "instant", "direction": "high", "limit_c": 15, "inclusive": true, "confirm_readings": 2, "severity": "critical"}, {"id": "mkt-headroom", "kind": "mkt_headroom_below", "below_h": 2, "severity": "critical"}, {"id": "budget-low", "kind": "budget_below", "below_pct": 25, "severity": "critical"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}',1767571200000,'system','shipped with the product, a proposal',NULL,NULL);
INSERT INTO "product_profile" VALUES('crt-20-25',1,'Controlled room temperature 20–25 °C','{"id": "crt-20-25", "version": 1, "name": "Controlled room temperature 20\u201325 \u00b0C", "storage_class": "crt", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": 20, "high_c": 25}, "stability_budget": [{"low_c": 15, "high_c": 20}, {"low_c": 25, "high_c": 30}, {"low_c": 30, "high_c": 40, "allowed_h": 24}], "mkt_windows": [{"id": "30d", "length_d": 30, "limit_c": 25}], "alarm_profile": {"id": "CRT 20-25", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 25, "severity": "minor", "hold_min": 60}, {"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": 20, "severity": "minor", "hold_min": 60}, {"id": "beyond-high", "kind": "consecutive", "direction": "high", "limit_c": 30, "severity": "major", "hold_min": 30}, {"id": "beyond-low", "kind": "consecutive", "direction": "low", "limit_c": 15, "severity": "major", "hold_min": 30}, {"id": "hot", "kind": "instant", "direction": "high", "limit_c": 40, "confirm_readings": 2, "severity": "critical"}, {"id": "hot-for-a-day", "kind": "consecutive", "direction": "high", "limit_c": 30, "hold_h": 24, "severity": "critical"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}',1767571200000,'system','shipped with the product, a proposal',NULL,NULL);
INSERT INTO "product_profile" VALUES('eu-15-25',1,'EU label 15–25 °C','{"id": "eu-15-25", "version": 1, "name": "EU label 15\u201325 \u00b0C", "storage_class": "eu_15_25", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": 15, "high_c": 25}, "alarm_profile": {"id": "15-25 EU", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 25, "severity": "major", "hold_min": 30}, {"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": 15, "severity": "major", "hold_min": 30}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}',1767571200000,'system','shipped with the product, a proposal',NULL,NULL);
INSERT INTO "product_profile" VALUES('frozen-25-15',1,'Frozen −25…−15 °C','{"id": "frozen-25-15", "version": 1, "name": "Frozen \u221225\u2026\u221215 \u00b0C", "storage_class": "freezer", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": -25, "high_c": -15}, "alarm_profile": {"id": "frozen -25\u2026-15", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": -25, "severity": "minor", "hold_min": 60}, {"id": "warm", "kind": "consecutive", "direction": "high", "limit_c": -15, "hold_min": 15, "severity": "major"}, {"id": "thawing", "kind": "instant", "direction": "high", "limit_c": -10, "confirm_readings": 2, "severity": "critical"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}',1767571200000,'system','shipped with the product, a proposal',NULL,NULL);
INSERT INTO "product_profile" VALUES('refrigerated-2-8-freeze-sensitive',1,'Refrigerated 2–8 °C, freeze-sensitive','{"id": "refrigerated-2-8-freeze-sensitive", "version": 1, "name": "Refrigerated 2\u20138 \u00b0C, freeze-sensitive", "storage_class": "refrigerated", "proposal": true, "freeze_sensitive": true, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": 2, "high_c": 8}, "alarm_profile": {"id": "2-8 freeze-sensitive", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "pre-alarm-high", "kind": "consecutive", "direction": "high", "limit_c": 7, "severity": "info", "hold_min": 15}, {"id": "pre-alarm-low", "kind": "consecutive", "direction": "low", "limit_c": 3, "severity": "info", "hold_min": 15}, {"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 8, "severity": "minor", "hold_min": 10}, {"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": 2, "severity": "minor", "hold_min": 10}, {"id": "warm", "kind": "consecutive", "direction": "high", "limit_c": 8, "hold_min": 30, "severity": "major"}, {"id": "warm-in-all", "kind": "cumulative", "direction": "high", "limit_c": 8, "hold_min": 60, "severity": "major"}, {"id": "hot", "kind": "instant", "direction": "high", "limit_c": 15, "inclusive": true, "confirm_readings": 2, "severity": "critical"}, {"id": "near-freezing", "kind": "instant", "direction": "low", "limit_c": 0, "inclusive": true, "severity": "minor"}, {"id": "freezing", "kind": "instant", "direction": "low", "limit_c": 0, "inclusive": true, "confirm_readings": 2, "severity": "major"}, {"id": "frozen", "kind": "consecutive", "direction": "low", "limit_c": -0.5, "inclusive": true, "hold_min": 60, "severity": "critical"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}',1767571200000,'system','shipped with the product, a proposal',NULL,NULL);
INSERT INTO "product_profile" VALUES('refrigerated-2-8',1,'Refrigerated 2–8 °C','{"id": "refrigerated-2-8", "version": 1, "name": "Refrigerated 2\u20138 \u00b0C", "storage_class": "refrigerated", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": 2, "high_c": 8}, "alarm_profile": {"id": "2-8 standard", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "pre-alarm-high", "kind": "consecutive", "direction": "high", "limit_c": 7, "severity": "info", "hold_min": 15}, {"id": "pre-alarm-low", "kind": "consecutive", "direction": "low", "limit_c": 3, "severity": "info", "hold_min": 15}, {"id": "outside-high", "kind": "consecutive", "direction": "high", "limit_c": 8, "severity": "minor", "hold_min": 10}, {"id": "outside-low", "kind": "consecutive", "direction": "low", "limit_c": 2, "severity": "minor", "hold_min": 10}, {"id": "warm", "kind": "consecutive", "direction": "high", "limit_c": 8, "hold_min": 30, "severity": "major"}, {"id": "warm-in-all", "kind": "cumulative", "direction": "high", "limit_c": 8, "hold_min": 60, "severity": "major"}, {"id": "hot", "kind": "instant", "direction": "high", "limit_c": 15, "inclusive": true, "confirm_readings": 2, "severity": "critical"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}',1767571200000,'system','shipped with the product, a proposal',NULL,NULL);
INSERT INTO "product_profile" VALUES('ultra-low',1,'Ultra-low −90…−60 °C','{"id": "ultra-low", "version": 1, "name": "Ultra-low \u221290\u2026\u221260 \u00b0C", "storage_class": "ultra_low", "proposal": true, "freeze_sensitive": false, "delta_h_kj_mol": 83.144, "gas_constant_kj_mol_k": 0.0083144, "gap_warming_c_per_min": 0.5, "label_range": {"low_c": -90, "high_c": -60}, "alarm_profile": {"id": "ultra-low", "hysteresis_c": 0.5, "clear_hold_min": 10, "rules": [{"id": "warm", "kind": "consecutive", "direction": "high", "limit_c": -60, "hold_min": 10, "severity": "critical"}, {"id": "dry-ice-slope", "kind": "rate", "direction": "high", "limit_c_per_h": 5, "window": {"length_h": 1}, "severity": "minor"}, {"id": "silence-info", "kind": "no_data", "factor": 2, "severity": "info"}, {"id": "silence", "kind": "no_data", "factor": 3, "severity": "major"}]}}',1767571200000,'system','shipped with the product, a proposal',NULL,NULL);
CREATE TABLE session (
	token_hash VARCHAR(64) NOT NULL, 
	person VARCHAR(36) NOT NULL, 
	csrf TEXT NOT NULL, 
	created_ms BIGINT NOT NULL, 
	last_seen_ms BIGINT NOT NULL, 
	expires_ms BIGINT NOT NULL, 
	revoked_ms BIGINT, 
	address TEXT, 
	agent TEXT, 
	CONSTRAINT pk_session PRIMARY KEY (token_hash), 
	CONSTRAINT fk_session_person FOREIGN KEY(person) REFERENCES person (id)
);
CREATE TABLE setting (
	name TEXT NOT NULL, 
	value JSON NOT NULL, 
	CONSTRAINT pk_setting PRIMARY KEY (name)
);
INSERT INTO "setting" VALUES('revision',106);
CREATE TABLE shipment (
	id VARCHAR(36) NOT NULL, 
	reference TEXT NOT NULL, 
	customer TEXT, 
	consignor TEXT, 
	consignee TEXT, 
	carrier TEXT, 
	origin JSON, 
	destination JSON, 
	lane TEXT, 
	state TEXT NOT NULL, 
	planned_departure_ms BIGINT, 
	planned_arrival_ms BIGINT, 
	departed_ms BIGINT, 
	arrived_ms BIGINT, 
	closed_ms BIGINT, 
	legal_hold BOOLEAN NOT NULL, 
	version INTEGER NOT NULL, 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_shipment PRIMARY KEY (id), 
	CONSTRAINT uq_shipment_reference UNIQUE (reference)
);
INSERT INTO "shipment" VALUES('69a9f175-f229-41b2-9dc2-083c9eea3cee','OLD-1','Nordvax',NULL,NULL,NULL,'null','null','MUC → LIS','planned',NULL,NULL,NULL,NULL,NULL,0,1,1767571200000);
CREATE TABLE sign_in_attempt (
	id INTEGER NOT NULL, 
	email TEXT NOT NULL, 
	address TEXT, 
	at_ms BIGINT NOT NULL, 
	succeeded BOOLEAN NOT NULL, 
	CONSTRAINT pk_sign_in_attempt PRIMARY KEY (id)
);
CREATE TABLE sign_in_link (
	token_hash VARCHAR(64) NOT NULL, 
	person VARCHAR(36) NOT NULL, 
	expires_ms BIGINT NOT NULL, 
	used_ms BIGINT, 
	CONSTRAINT pk_sign_in_link PRIMARY KEY (token_hash), 
	CONSTRAINT fk_sign_in_link_person FOREIGN KEY(person) REFERENCES person (id)
);
CREATE TABLE signal (
	id INTEGER NOT NULL, 
	role TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	raised_ms BIGINT NOT NULL, 
	cleared_ms BIGINT, 
	CONSTRAINT pk_signal PRIMARY KEY (id)
);
CREATE TABLE store (
	id VARCHAR(36) NOT NULL, 
	name TEXT NOT NULL, 
	site TEXT, 
	kind TEXT, 
	zone TEXT NOT NULL, 
	latitude_e7 BIGINT, 
	longitude_e7 BIGINT, 
	created_ms BIGINT NOT NULL, 
	retired_ms BIGINT, 
	CONSTRAINT pk_store PRIMARY KEY (id), 
	CONSTRAINT uq_store_name UNIQUE (name)
);
CREATE TABLE subject_state (
	subject_kind TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	as_of_ms BIGINT NOT NULL, 
	journal_offset BIGINT NOT NULL, 
	next_due_ms BIGINT, 
	status TEXT NOT NULL, 
	document JSON NOT NULL, 
	last JSON NOT NULL, 
	revision BIGINT NOT NULL, 
	CONSTRAINT pk_subject_state PRIMARY KEY (subject_kind, subject_id)
);
INSERT INTO "subject_state" VALUES('shipment','69a9f175-f229-41b2-9dc2-083c9eea3cee',1767758100400,1249,1767758700001,'in_range','{"schema": "coldchain.compliance/1", "profile": {"id": "refrigerated-2-8", "version": 1}, "period": {"from": "2026-01-05T00:00:00.000Z", "to": "2026-01-07T03:55:00.000Z"}, "interval_s": 300.0, "interval_source": "declared", "coverage_pct": 100.0, "gaps": [], "governing_channel": "internal", "governing_logger": "LG-1", "channels": [{"logger": "LG-1", "channel": "internal", "interval_s": 300.0, "interval_source": "declared", "coverage_pct": 100.0, "gaps": [], "temperature": {"min_c": 5.0, "max_c": 11.25, "mean_c": 5.535714285714286, "time_in_range_s": 177874.435, "time_in_range_upper_s": 177874.435, "time_above_s": 9025.565, "time_above_upper_s": 9025.565, "time_below_s": 0.0, "time_below_upper_s": 0.0, "time_unknown_s": 0.0}, "mkt": {"value_c": 5.6629376537757015, "reason": null, "method_id": "mkt.trapezoid/1", "delta_h_kj_mol": 83.144, "gas_constant": 0.0083144, "lower_c": 5.6629376537757015, "upper_c": 5.6629376537757015, "windows": []}, "humidity": {"min_pct": 45.0, "max_pct": 45.0, "mean_pct": 45.0}, "excursions": [{"id": "191a500f-2029-4696-a2b2-d5b6677f633e", "logger": "LG-1", "channel": "internal", "direction": "high", "onset": "2026-01-05T09:57:24.000Z", "onset_sample": "2026-01-05T10:00:00.000Z", "end": "2026-01-05T12:27:49.565Z", "duration_s": 9025.565, "duration_upper_s": 9025.565, "peak_c": 11.25, "peak_at": "2026-01-05T10:00:00.000Z", "area_c_min": 480.0673913, "limit_c": 8.0, "severity": "major", "late": false, "amends": null, "monitoring_ended": false}], "stability_budget": {"bands": []}, "suggestion": {"tier": 3, "reasons": ["the hottest reading was 11.25 \u00b0C, above 2 \u2026 8 \u00b0C, and the profile allows no time there"]}}], "temperature": {"min_c": 5.0, "max_c": 11.25, "mean_c": 5.535714285714286, "time_in_range_s": 177874.435, "time_in_range_upper_s": 177874.435, "time_above_s": 9025.565, "time_above_upper_s": 9025.565, "time_below_s": 0.0, "time_below_upper_s": 0.0, "time_unknown_s": 0.0}, "mkt": {"value_c": 5.6629376537757015, "reason": null, "method_id": "mkt.trapezoid/1", "delta_h_kj_mol": 83.144, "gas_constant": 0.0083144, "lower_c": 5.6629376537757015, "upper_c": 5.6629376537757015, "windows": []}, "excursions": [{"id": "191a500f-2029-4696-a2b2-d5b6677f633e", "logger": "LG-1", "channel": "internal", "direction": "high", "onset": "2026-01-05T09:57:24.000Z", "onset_sample": "2026-01-05T10:00:00.000Z", "end": "2026-01-05T12:27:49.565Z", "duration_s": 9025.565, "duration_upper_s": 9025.565, "peak_c": 11.25, "peak_at": "2026-01-05T10:00:00.000Z", "area_c_min": 480.0673913, "limit_c": 8.0, "severity": "major", "late": false, "amends": null, "monitoring_ended": false}], "breaches": [{"rule": "outside-high", "severity": "minor", "fired_at": "2026-01-05T10:15:00.000Z", "logger": "LG-1", "channel": "internal", "cause": "high", "excursion": "191a500f-2029-4696-a2b2-d5b6677f633e"}, {"rule": "pre-alarm-high", "severity": "info", "fired_at": "2026-01-05T10:15:00.000Z", "logger": "LG-1", "channel": "internal", "cause": "high", "excursion": "191a500f-2029-4696-a2b2-d5b6677f633e"}, {"rule": "warm", "severity": "major", "fired_at": "2026-01-05T10:30:00.000Z", "logger": "LG-1", "channel": "internal", "cause": "high", "excursion": "191a500f-2029-4696-a2b2-d5b6677f633e"}, {"rule": "warm-in-all", "severity": "major", "fired_at": "2026-01-05T11:00:00.000Z", "logger": "LG-1", "channel": "internal", "cause": "high", "excursion": "191a500f-2029-4696-a2b2-d5b6677f633e"}], "stability_budget": {"bands": []}, "suggestion": {"tier": 3, "reasons": ["the hottest reading was 11.25 \u00b0C, above 2 \u2026 8 \u00b0C, and the profile allows no time there"]}, "humidity": {"min_pct": 45.0, "max_pct": 45.0, "mean_pct": 45.0}, "notes": ["the hold of outside-high, outside-low was raised to three intervals (15 min)"], "methods": {"temperature": "time_in_range.interpolated/1", "excursions": "excursion.interpolated/1", "mkt": "mkt.trapezoid/1", "suggestion": "suggestion.three_tiers/1"}, "engine": {"version": "0.1.0", "config_hash": "5c3e82a82f6fa95169955fba2479f15867381d4fef6bb1104b3a3aa1fa2c8506"}}','{"LG-1/internal": {"event_time": "2026-01-07T03:55:00.000Z", "temperature_c": 5.0, "humidity_pct": 45.0}}',106);
CREATE INDEX ix_sign_in_attempt_email_at ON sign_in_attempt (email, at_ms);
CREATE INDEX ix_shipment_state_created ON shipment (state, created_ms);
CREATE INDEX ix_fact_logger ON fact (logger);
CREATE INDEX ix_fact_subject ON fact (subject_kind, subject_id, kind);
CREATE INDEX ix_subject_state_next_due_ms ON subject_state (next_due_ms);
CREATE INDEX ix_excursion_current_onset ON excursion (superseded, onset_ms);
CREATE INDEX ix_excursion_subject ON excursion (subject_kind, subject_id);
CREATE INDEX ix_breach_subject ON breach (subject_kind, subject_id);
CREATE INDEX ix_alarm_subject ON alarm (subject_kind, subject_id);
CREATE INDEX ix_alarm_condition_raised ON alarm (condition, raised_ms);
CREATE INDEX ix_audit_object ON audit (object_kind, object_id);
CREATE INDEX ix_session_person ON session (person);
CREATE INDEX ix_calibration_logger ON calibration (logger);
CREATE INDEX ix_batch_shipment ON batch (shipment);
CREATE INDEX ix_milestone_shipment ON milestone (shipment);
CREATE INDEX ix_alarm_event_alarm ON alarm_event (alarm);
CREATE INDEX ix_outbox_alarm ON outbox (alarm);
CREATE INDEX ix_outbox_next_due_ms ON outbox (next_due_ms);
CREATE INDEX ix_outbox_state_due ON outbox (state, next_due_ms);
CREATE INDEX ix_delivery_attempt_outbox ON delivery_attempt (outbox);
COMMIT;
PRAGMA user_version=0;
