# frozen_string_literal: true

# Run by `bin/rails runner`: reads or writes theme settings through Mastodon's own models.
# Everything it is told comes by the environment and by files that the environment names; nothing is pasted into code.
#   THEMEGATE_ACTION   list or apply
#   THEMEGATE_KEYS     JSON list of keys
#   THEMEGATE_REQUEST  list: JSON object, one of {"names":[]}, {"ids_file":PATH}, {"all_on":TEXT}, {"site":true}
#                      apply: the path of a JSON list of {"id", "from":[], "to":[]}; no id means the site
#   THEMEGATE_LOCK     the key of the advisory lock
#   THEMEGATE_ANSWER   the path to write the answer to

require "json"

module Themegate
  module_function

  def keys = @keys ||= JSON.parse(ENV.fetch("THEMEGATE_KEYS"))

  def json? = User.column_names.include?("settings")

  def things? = Setting.column_names.include?("thing_type")

  def rows(statement, *values)
    ActiveRecord::Base.connection.select_rows(ActiveRecord::Base.sanitize_sql_array([statement, *values]))
  end

  def answer(value)
    path = ENV.fetch("THEMEGATE_ANSWER")
    File.open("#{path}.part", File::WRONLY | File::CREAT | File::TRUNC, 0o600) do |file|
      file.write(JSON.generate(value))
      file.fsync
    end
    File.rename("#{path}.part", path)
  end

  def list
    request = JSON.parse(ENV.fetch("THEMEGATE_REQUEST"))
    users = request["site"] ? [] : users(request)
    answer(
      "json" => json?,
      "users" => users,
      "rows" => json? ? [] : users.map(&:first).each_slice(5000).flat_map { |ids| user_rows(ids) },
      "site" => request["site"] ? site_rows : []
    )
  end

  def users(request)
    column = json? ? "u.settings" : "NULL"
    from = "SELECT u.id, a.username, #{column} FROM users u LEFT JOIN accounts a ON a.id = u.account_id AND a.domain IS NULL"
    if request.key?("names")
      return [] if request["names"].empty?
      rows("#{from} WHERE lower(a.username) IN (?) ORDER BY u.id", request["names"].map(&:downcase))
    elsif request.key?("ids_file")
      JSON.parse(File.read(request["ids_file"])).each_slice(5000).flat_map { |ids| rows("#{from} WHERE u.id IN (?) ORDER BY u.id", ids) }
    else
      all_on(from, request["all_on"])
    end
  end

  def all_on(from, theme)
    may_be = ->(text) { "(position(:theme in #{text}) > 0 OR position(chr(92) in #{text}) > 0)" }
    condition =
      if json?
        may_be.call("u.settings")
      else
        "EXISTS (SELECT 1 FROM settings s WHERE s.thing_type = 'User' AND s.thing_id = u.id " \
          "AND s.var IN (:keys) AND #{may_be.call("s.value")})"
      end
    rows("#{from} WHERE #{condition} ORDER BY u.id", { theme: theme, keys: keys })
  end

  def user_rows(ids)
    return [] if ids.empty?
    rows("SELECT thing_id, id, var, value FROM settings WHERE thing_type = 'User' AND thing_id IN (?) AND var IN (?) ORDER BY id", ids, keys)
  end

  def site_rows
    only = things? ? " AND thing_type IS NULL AND thing_id IS NULL" : ""
    rows("SELECT id, var, value FROM settings WHERE var IN (?)#{only} ORDER BY id", keys)
  end

  def apply
    changes = JSON.parse(File.read(ENV.fetch("THEMEGATE_REQUEST")))
    done = []
    moved = []
    ActiveRecord::Base.transaction do
      ActiveRecord::Base.connection.execute("SET LOCAL lock_timeout = 5000")
      locked = rows("SELECT pg_try_advisory_xact_lock(?)", Integer(ENV.fetch("THEMEGATE_LOCK"))).first.first
      raise "another themegate is changing theme settings" unless [true, "t"].include?(locked)
      changes.each { |change| (write(change) ? done : moved) << change["id"] }
    end
    done.each { |id| forget(id) if id.nil? || !json? }
    answer("done" => done, "moved" => moved)
  end

  def write(change)
    id = change["id"]
    return write_site(change) if id.nil?
    user = User.lock.find_by(id: id)
    return false if user.nil?
    json? ? write_text(user, change) : write_rows(user, change)
  end

  def write_text(user, change)
    text = user.attributes_before_type_cast["settings"].to_s
    stored = text.strip.empty? ? {} : JSON.parse(text)
    return false unless stored.values_at(*keys) == change["from"]
    each_difference(change) { |key, value| user.settings[key] = value }
    user.save!(validate: false, touch: false)
  end

  def write_rows(user, change)
    scope = Setting.unscoped.where(thing_type: "User", thing_id: user.id).lock
    return false unless current(scope) == change["from"]
    each_difference(change) do |key, value|
      value.nil? ? scope.where(var: key).delete_all : user.settings[key] = value
    end
    true
  end

  def write_site(change)
    scope = Setting.unscoped
    scope = scope.where(thing_type: nil, thing_id: nil) if things?
    return false unless current(scope.lock) == change["from"]
    each_difference(change) do |key, value|
      value.nil? ? scope.where(var: key).delete_all : Setting[key] = value
    end
    true
  end

  def current(scope)
    keys.map do |key|
      row = scope.where(var: key).order(:id).first
      text = row && row.attributes_before_type_cast["value"]
      text && YAML.safe_load(text)
    end
  end

  def each_difference(change)
    keys.each_with_index { |key, index| yield key, change["to"][index] if change["from"][index] != change["to"][index] }
  end

  def forget(id)
    thing = id && User.find_by(id: id)
    keys.each do |key|
      Rails.cache.delete(Setting.method(:cache_key).arity == 1 ? Setting.cache_key(key) : Setting.cache_key(key, thing))
    end
  end
end

Themegate.public_send(ENV.fetch("THEMEGATE_ACTION"))
