CREATE TABLE migration (
            number INTEGER NOT NULL PRIMARY KEY, checksum BLOB NOT NULL, at INTEGER NOT NULL);
INSERT INTO cluster VALUES ('00000000-0000-7000-8000-000000000001', 'old', 2, 1);
INSERT INTO package VALUES (1, 'abababababababababababababababababababababababababababababababab', 'crm.py', 1, 'live', 3, x'616263', NULL, '["crm.get"]', 1);
INSERT INTO service VALUES ('crm.get', 'abababababababababababababababababababababababababababababababab', 'Get', 1, '', '["a"]', '[]', 1);
INSERT INTO channel VALUES ('00000000-0000-7000-8000-000000000002', 'crm', '/crm/{id}', '/crm/{}', 'GET', 'crm.get',
                            'json', 5, 6, 0, 3);
INSERT INTO generation VALUES (1, 1, 'system', 'cluster.create cluster old'), (2, 2, 'admin', 'channel.create channel crm');
INSERT INTO audit VALUES (1, 1, 'system', 'cluster.create', 'cluster old', 1, NULL, NULL),
                         (2, 2, 'admin', 'package.deploy', 'package crm.py', 2, NULL, NULL),
                         (3, 2, 'admin', 'channel.create', 'channel crm', 2, NULL, NULL);
