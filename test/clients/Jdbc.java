import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/**
 * What PostgreSQL's JDBC driver does with foreign tables: run by
 * test/t/091_jdbc.pl.
 *
 *     Jdbc URL STEP [NUMBER]
 *
 * prints what the step saw, a JSON object.
 */
public class Jdbc
{
	static final long ACCOUNT = 7002238017842757633L;
	static final String ADS = "SELECT ad_id, stat_time_day, spend FROM ads.ads_reports_daily"
		+ " WHERE advertiser_id = ? AND stat_time_day BETWEEN ? AND ?";

	static String quoted(String text)
	{
		return text == null ? "null"
			: "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
	}

	/** What is left of a result, as JSON. */
	static String rows(ResultSet result, int most) throws SQLException
	{
		List<String> rows = new ArrayList<>();
		int columns = result.getMetaData().getColumnCount();

		while (rows.size() < most && result.next())
		{
			List<String> row = new ArrayList<>();

			for (int i = 1; i <= columns; i++)
				row.add(quoted(result.getString(i)));
			rows.add("[" + String.join(",", row) + "]");
		}
		return "[" + String.join(",", rows) + "]";
	}

	static PreparedStatement days(Connection conn, String from, String to) throws SQLException
	{
		PreparedStatement statement = conn.prepareStatement(ADS);

		statement.setLong(1, ACCOUNT);
		statement.setDate(2, Date.valueOf(from));
		statement.setDate(3, Date.valueOf(to));
		return statement;
	}

	/** A portal: fetchSize rows at a time, in a transaction; all rows, or some. */
	static String fetch(Connection conn, int fetchSize, int most) throws SQLException
	{
		conn.setAutoCommit(false);
		String rows;
		try (PreparedStatement statement = days(conn, "2026-01-01", "2026-06-29"))
		{
			statement.setFetchSize(fetchSize);
			try (ResultSet result = statement.executeQuery())
			{
				rows = rows(result, most);
			}
		}
		try (Statement statement = conn.createStatement();
			 ResultSet result = statement.executeQuery("SELECT 1"))
		{
			result.next();
			return "{\"rows\":" + rows + ",\"usable\":" + result.getInt(1) + "}";
		}
	}

	/** What viewers of tables do that know no SQL of LIMIT: setMaxRows. */
	static String maxRows(Connection conn, int most) throws SQLException
	{
		try (Statement statement = conn.createStatement())
		{
			statement.setMaxRows(most);
			try (ResultSet result = statement.executeQuery("SELECT * FROM ads.ads_reports_daily"
				+ " WHERE stat_time_day BETWEEN '2026-01-01' AND '2026-06-29'"))
			{
				int n = 0;

				while (result.next())
					n++;
				return "{\"rows\":" + n + "}";
			}
		}
	}

	/** One statement, executed with other values each time. */
	static String prepared(Connection conn, int times) throws SQLException
	{
		List<String> found = new ArrayList<>();

		try (PreparedStatement statement = conn.prepareStatement(ADS))
		{
			for (int i = 0; i < times; i++)
			{
				String day = String.format("2026-06-%02d", 10 + i);

				statement.setLong(1, ACCOUNT);
				statement.setDate(2, Date.valueOf(day));
				statement.setDate(3, Date.valueOf(day));
				try (ResultSet result = statement.executeQuery())
				{
					found.add(rows(result, Integer.MAX_VALUE));
				}
			}
		}
		try (Statement statement = conn.createStatement();
			 ResultSet result = statement.executeQuery("SELECT coalesce(sum(generic_plans), 0),"
				 + " coalesce(sum(custom_plans), 0) FROM pg_prepared_statements"
				 + " WHERE statement LIKE '%ads_reports_daily%'"))
		{
			result.next();
			return "{\"runs\":[" + String.join(",", found) + "],\"generic\":" + result.getInt(1)
				+ ",\"custom\":" + result.getInt(2) + "}";
		}
	}

	/** Arrays and LIMIT as parameters, and the types that come back. */
	static String values(Connection conn, String ids) throws SQLException
	{
		Long[] list = java.util.Arrays.stream(ids.split(",")).map(Long::valueOf).toArray(Long[]::new);

		try (PreparedStatement statement = conn.prepareStatement(ADS + " AND ad_id = ANY (?)"
				+ " AND spend > ? LIMIT ?"))
		{
			statement.setLong(1, ACCOUNT);
			statement.setObject(2, java.time.LocalDate.of(2026, 6, 1));
			statement.setObject(3, java.time.LocalDate.of(2026, 6, 29));
			statement.setArray(4, conn.createArrayOf("bigint", list));
			statement.setBigDecimal(5, new BigDecimal("0.5"));
			statement.setInt(6, 1000);
			try (ResultSet result = statement.executeQuery())
			{
				ResultSetMetaData about = result.getMetaData();
				List<String> types = new ArrayList<>();

				for (int i = 1; i <= about.getColumnCount(); i++)
					types.add(quoted(about.getColumnClassName(i)));
				return "{\"types\":[" + String.join(",", types) + "],\"rows\":"
					+ rows(result, Integer.MAX_VALUE) + "}";
			}
		}
	}

	/** Which tables and columns the driver tells a tool of. */
	static String metadata(Connection conn) throws SQLException
	{
		try (ResultSet tables = conn.getMetaData().getTables(null, "ads", "%", null);
			 ResultSet columns = conn.getMetaData().getColumns(null, "ads", "ads_reports_daily", "%"))
		{
			List<String> found = new ArrayList<>();
			List<String> names = new ArrayList<>();

			while (tables.next())
				found.add(quoted(tables.getString("TABLE_NAME") + " " + tables.getString("TABLE_TYPE")));
			while (columns.next())
				names.add(quoted(columns.getString("COLUMN_NAME") + " " + columns.getString("TYPE_NAME")));
			return "{\"tables\":[" + String.join(",", found) + "],\"columns\":["
				+ String.join(",", names) + "]}";
		}
	}

	/** An error, and a query that takes too long; the session goes on after both. */
	static String errors(Connection conn) throws SQLException
	{
		String state = "";
		String slow = "";

		try (Statement statement = conn.createStatement())
		{
			try
			{
				statement.executeQuery("SELECT * FROM ads.ads_reports_daily");
			}
			catch (SQLException e)
			{
				state = e.getSQLState() + " " + e.getMessage();
			}
		}
		try (PreparedStatement statement = days(conn, "2026-01-01", "2026-06-29"))
		{
			statement.setQueryTimeout(2);
			try
			{
				statement.executeQuery();
			}
			catch (SQLException e)
			{
				slow = e.getSQLState();
			}
		}
		try (Statement statement = conn.createStatement();
			 ResultSet result = statement.executeQuery("SELECT 1"))
		{
			result.next();
			return "{\"error\":" + quoted(state) + ",\"slow\":" + quoted(slow) + ",\"usable\":"
				+ result.getInt(1) + "}";
		}
	}

	public static void main(String[] args) throws SQLException
	{
		String argument = args.length > 2 ? args[2] : "0";

		try (Connection conn = DriverManager.getConnection(args[0]))
		{
			switch (args[1])
			{
				case "whole":
					System.out.println(fetch(conn, Integer.parseInt(argument), Integer.MAX_VALUE));
					break;
				case "early":
					System.out.println(fetch(conn, Integer.parseInt(argument), 10));
					break;
				case "maxRows":
					System.out.println(maxRows(conn, Integer.parseInt(argument)));
					break;
				case "prepared":
					System.out.println(prepared(conn, Integer.parseInt(argument)));
					break;
				case "values":
					System.out.println(values(conn, argument));
					break;
				case "metadata":
					System.out.println(metadata(conn));
					break;
				case "errors":
					System.out.println(errors(conn));
					break;
				default:
					throw new IllegalArgumentException(args[1]);
			}
		}
	}
}
