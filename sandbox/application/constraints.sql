CREATE UNIQUE INDEX users_email_key ON users (email);
CREATE UNIQUE INDEX smart_contracts_address_key ON smart_contracts (address);
CREATE INDEX transactions_user_id_idx ON transactions (user_id);
CREATE INDEX transactions_created_at_idx ON transactions (created_at);
ALTER TABLE smart_contracts
    ADD CONSTRAINT smart_contracts_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id);
ALTER TABLE transactions
    ADD CONSTRAINT transactions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    ADD CONSTRAINT transactions_contract_id_fkey FOREIGN KEY (contract_id) REFERENCES smart_contracts (id)
        ON DELETE SET NULL;
